import { parseArgs } from 'node:util';
import type { IamTokenError } from '../client/iam-token-error.ts';
import { defaultTimeoutMs } from '../client/request-token.ts';
import { profileNamePattern } from '../protocol/messages.ts';
import { durationMs } from '../shared/duration.ts';
import { resourceIdPattern, resourceIdRule } from '../shared/resource-id.ts';
import { usageError } from './endings.ts';
import { nearest } from './nearest.ts';
import {
  callOf,
  commands,
  type CommandSpec,
  namedCommands,
  type Operand,
  options,
  optionsOf,
  type OptionValue,
  signature,
} from './options.ts';

export interface CommandLine {
  readonly command: CommandSpec;
  /** Each as it was given, and empty where it takes no value. */
  readonly options: ReadonlyMap<string, string>;
  /** Unless given: `IAM_TOKEND_SOCKET`, else the usual places. */
  readonly socketPath: string | undefined;
  /** How long the daemon is waited for. */
  readonly timeoutMs: number;
  /** How long a token must live at least, where that is said. */
  readonly minTtlMs: number | undefined;
  /** What the command's `operand` stands for; empty where it has none, or where `--help` was asked for. */
  readonly operand: string;
  /** A command that is not ours, or its arguments, as they were given; empty where the command takes none. */
  readonly foreign: readonly string[];
}

/** Each option takes a value or does not, in whatever command: else the name of a command could not be found. */
export function tokensOf(args: readonly string[]) {
  const types = options.map(({ name, value }) => {
    const type: 'boolean' | 'string' = value.kind === 'flag' ? 'boolean' : 'string';
    return [name, name === 'help' ? { type, short: 'h' } : { type }] as const;
  });
  return parseArgs({
    args: [...args],
    options: Object.fromEntries(types),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

/**
 * Options may stand before and after the command's name.
 * @throws IamTokenError `bad_request`
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const tokens = tokensOf(args);
  const foreignAt = foreignStart(tokens);
  const own = tokens.filter(({ index }) => index < foreignAt);
  const given = own.filter((token) => token.kind === 'option');
  // Before the words are looked at: one of them may be meant as the value of an option that there is not.
  for (const { rawName, name } of given) checkIsOption(rawName, name);
  const words = own.filter((token) => token.kind === 'positional').map(({ value }) => value);
  const command = commandOf(words);
  for (const { name, value, inlineValue } of given) checkOption(command, name, value, inlineValue ?? false);
  const found = new Map(given.map(({ name, value }) => [name, value ?? '']));
  const foreign = args.slice(foreignAt);
  return {
    command,
    options: found,
    socketPath: found.get('socket'),
    timeoutMs: durationMs(found.get('timeout') ?? '') ?? command.timeoutMs ?? defaultTimeoutMs,
    minTtlMs: durationMs(found.get('min-ttl') ?? '') ?? undefined,
    operand: found.has('help') ? '' : operandOf(command, words.slice(1), foreign),
    foreign,
  };
}

/** Where the words begin that are not ours; beyond the end where there are none. */
function foreignStart(tokens: ReturnType<typeof tokensOf>): number {
  const [first, second] = tokens.filter((token) => token.kind === 'positional');
  const kind = first && commands.find(({ name }) => name === first.value)?.operand?.kind;
  if (first && kind === 'arguments') return first.index + 1;
  return kind === 'command' && second ? second.index : Infinity;
}

function commandOf([word]: readonly string[]): CommandSpec {
  const found = commands.find(({ name }) => name === (word ?? 'token'));
  if (found !== undefined && word !== 'token') return found;
  const names = namedCommands.map(({ name }) => name);
  throw usageError(`there is no command ${word}`, `iam-token ${nearest(word ?? '', names) ?? '--help'}`);
}

function operandOf(command: CommandSpec, words: readonly string[], foreign: readonly string[]): string {
  const { operand } = command;
  const [given = '', surplus] = operand === undefined ? ['', ...words] : words;
  if (operand !== undefined && operand.kind !== 'arguments' && foreign.length === 0) {
    if (given === '') throw usageError(`${operand.placeholder} is missing`, callOf(command));
    checkWord(operand.placeholder, operand, given, callOf(command));
  }
  if (surplus !== undefined) throw surplusWord(command, surplus);
  return given;
}

/** Where a secret is asked for, the word may be one. */
function surplusWord(command: CommandSpec, word: string): IamTokenError {
  const usage = callOf(command);
  return optionsOf(command.name).some(({ name }) => name === 'stdin')
    ? usageError('a secret is read from a prompt or stdin, and no word goes here', `${usage} --stdin < FILE`)
    : usageError(`${word} is one word too many`, usage);
}

function checkIsOption(rawName: string, wanted: string): void {
  const names = options.map(({ name }) => name);
  if (names.includes(wanted)) return;
  const meant = nearest(wanted, names);
  throw usageError(
    `there is no option ${rawName}`,
    meant === undefined ? 'iam-token --help' : `did you mean --${meant}?`,
  );
}

function checkOption(command: CommandSpec, name: string, given: string | undefined, isInline: boolean): void {
  const takes = ({ name: other }: CommandSpec) => optionsOf(other).find((option) => option.name === name);
  const option = takes(command);
  if (option === undefined) {
    const bare = ({ name }: CommandSpec): string => callOf({ name });
    const owners = commands.filter(takes).map(bare);
    throw usageError(
      `${bare(command)} has no option --${name}`,
      owners.length > 3 ? `${bare(command)} --help` : `it belongs to: ${owners.join(', ')}`,
    );
  }
  if (option.value.kind === 'flag') {
    if (given !== undefined) throw usageError(`--${name} takes no value`);
    return;
  }
  if (given === undefined || given === '') throw usageError(`--${name} needs a value`, signature(option));
  if (!isInline && given.startsWith('-') && given !== '-') {
    throw usageError(`--${name} needs a value`, `if ${given} is meant: --${name}=${given}`);
  }
  checkWord(`--${name}`, option.value, given, signature(option));
}

/**
 * @param what as a message calls it
 * @throws IamTokenError `bad_request`
 */
function checkWord(what: string, value: OptionValue | Operand, given: string, usage: string): void {
  if (value.kind === 'choice' && !value.choices.includes(given))
    throw usageError(`${what} cannot be ${given}`, usage);
  if (value.kind === 'id' && !resourceIdPattern.test(given)) throw usageError(`${what} ${resourceIdRule}`);
  if (value.kind === 'profile' && !profileNamePattern.test(given)) {
    throw usageError(
      `no profile can be called ${JSON.stringify(given)}`,
      'a name has 1 to 64 characters, and no control character or slash among them',
    );
  }
  if (value.kind !== 'duration') return;
  const ms = durationMs(given);
  if (ms === null)
    throw usageError(`${what}: ${given} is no duration`, 'write it like 500ms, 30s, 10m or 1h');
  if (ms < value.atLeastMs) throw usageError(`${what}: ${given} is too short`);
  const atMost = `at most ${value.atMostMs / 3_600_000}h`;
  if (ms > value.atMostMs) throw usageError(`${what}: ${given} is too long`, atMost);
}
