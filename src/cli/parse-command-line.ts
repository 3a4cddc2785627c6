import { parseArgs } from 'node:util';
import { profileNamePattern } from '../protocol/messages.ts';
import { durationMs } from '../shared/duration.ts';
import { resourceIdPattern, resourceIdRule } from '../shared/resource-id.ts';
import { usageError } from './endings.ts';
import { nearest } from './nearest.ts';
import {
  callOf,
  commands,
  type CommandSpec,
  type Operand,
  options,
  type OptionSpec,
  optionsOf,
  standIn,
} from './options.ts';

/** The options of one call, each as its row in the table has it. */
export class GivenOptions {
  readonly #values: ReadonlyMap<string, string | number | true>;

  constructor(values: ReadonlyMap<string, string | number | true>) {
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values.has(name);
  }

  /** Of a text or a choice. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** These and others, which go first. */
  with(values: Readonly<Record<string, string | true>>): GivenOptions {
    return new GivenOptions(new Map([...this.#values, ...Object.entries(values)]));
  }

  durationMs(name: string): number | undefined {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : undefined;
  }
}

export interface CommandLine {
  readonly command: CommandSpec;
  readonly options: GivenOptions;
  /** What the command's `operand` stands for; empty where it has none, or where `--help` was asked for. */
  readonly operand: string;
  /** A command that is not ours, as it was given; empty where the command takes none. */
  readonly foreign: readonly string[];
}

/**
 * Options may stand before and after the command's name.
 * @throws IamTokenError `bad_request`
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  // Each option takes a value or does not, in whatever command: else the name of a command could not be found.
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      options.map(
        ({ name, value }) => [name, { type: value.kind === 'flag' ? 'boolean' : 'string' }] as const,
      ),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const foreignAt = foreignStart(tokens);
  const own = tokens.filter(({ index }) => index < foreignAt);
  const given = own.filter((token) => token.kind === 'option');
  // Before the words are looked at: one of them may be meant as the value of an option that there is not.
  for (const { rawName, name } of given) checkIsOption(rawName, name);
  const words = own.filter((token) => token.kind === 'positional').map(({ value }) => value);
  const command = commandOf(words);
  const values = new Map<string, string | number | true>(usualValues(command));
  for (const { rawName, name, value, inlineValue } of given) {
    const spec = optionOf(command, rawName, name);
    values.set(spec.name, valueOf(spec, value, inlineValue ?? false));
  }
  const found = new GivenOptions(values);
  const foreign = args.slice(foreignAt);
  if (found.flag('help')) return { command, options: found, operand: '', foreign };
  const operand = (command.operand === undefined ? '' : words[1]) ?? '';
  if (command.operand !== undefined) checkOperand(command.operand, operand, foreign, command);
  const surplus = words[command.operand === undefined ? 1 : 2];
  if (surplus !== undefined) {
    // Where a secret is asked for, this may be one.
    const isPublic = optionsOf(command.name).every(({ name }) => name !== 'stdin');
    throw isPublic
      ? usageError(`${surplus} is one word too many`, callOf(command))
      : usageError(
          'a secret is read from a prompt or stdin, and no word goes here',
          `${callOf(command)} --stdin < FILE`,
        );
  }
  return { command, options: found, operand, foreign };
}

/** Where the words begin that are not ours; beyond the end where there are none. */
function foreignStart(
  tokens: readonly { readonly kind: string; readonly index: number; readonly value?: string | undefined }[],
): number {
  const [first, second] = tokens.filter((token) => token.kind === 'positional');
  const kind = first && commands.find(({ name }) => name === first.value)?.operand?.kind;
  if (first && kind === 'arguments') return first.index + 1;
  return kind === 'command' && second ? second.index : Infinity;
}

function commandOf([word]: readonly string[]): CommandSpec {
  const found = commands.find(({ name }) => name === (word ?? 'token'));
  if (found !== undefined && word !== 'token') return found;
  const names = commands.map((command) => command.name).filter((known) => known !== 'token');
  const meant = nearest(word ?? '', names);
  throw usageError(
    `there is no command ${word}`,
    meant === undefined ? 'iam-token --help' : `iam-token ${meant}`,
  );
}

function checkOperand(
  operand: Operand,
  given: string,
  foreign: readonly string[],
  command: CommandSpec,
): void {
  if (operand.kind === 'arguments' || (operand.kind === 'command' && foreign.length > 0)) return;
  if (given === '') throw usageError(`${operand.placeholder} is missing`, callOf(command));
  if (operand.kind === 'profile') checkProfileName(given);
  else if (operand.kind === 'choice' && !operand.choices.includes(given))
    throw usageError(`${operand.placeholder} cannot be ${given}`, callOf(command));
}

function checkIsOption(rawName: string, name: string): void {
  if (rawName === '-h' || options.some((option) => rawName === `--${option.name}`)) return;
  const names = options.map((option) => option.name);
  const meant = nearest(name, names);
  throw usageError(
    `there is no option ${rawName}`,
    meant === undefined ? 'iam-token --help' : `did you mean --${meant}?`,
  );
}

function optionOf(command: CommandSpec, rawName: string, name: string): OptionSpec {
  const wanted = rawName === '-h' ? 'help' : name;
  const spec = optionsOf(command.name).find((option) => option.name === wanted);
  if (spec !== undefined) return spec;
  const owners = commands.filter((other) => optionsOf(other.name).some((option) => option.name === wanted));
  const bare = (each: CommandSpec): string => callOf({ name: each.name, help: '' });
  throw usageError(
    `${bare(command)} has no option --${wanted}`,
    owners.length > 3 ? `${bare(command)} --help` : `it belongs to: ${owners.map(bare).join(', ')}`,
  );
}

function usualValues(command: CommandSpec): readonly (readonly [string, number])[] {
  return optionsOf(command.name).flatMap(({ name, value }) =>
    value.kind === 'duration' && value.usualMs !== undefined ? [[name, value.usualMs] as const] : [],
  );
}

function valueOf(
  { name, value }: OptionSpec,
  given: string | undefined,
  isInline: boolean,
): string | number | true {
  if (value.kind === 'flag') {
    if (given !== undefined) throw usageError(`--${name} takes no value`);
    return true;
  }
  const option = `--${name} ${standIn(value)}`;
  if (given === undefined || given === '') throw usageError(`--${name} needs a value`, option);
  if (!isInline && given.startsWith('-') && given !== '-') {
    throw usageError(`--${name} needs a value`, `if ${given} is meant: --${name}=${given}`);
  }
  switch (value.kind) {
    case 'text':
      return given;
    case 'profile':
      checkProfileName(given);
      return given;
    case 'id':
      if (resourceIdPattern.test(given)) return given;
      throw usageError(`--${name} ${resourceIdRule}`);
    case 'choice':
      if (value.choices.includes(given)) return given;
      throw usageError(`--${name} cannot be ${given}`, option);
    case 'duration': {
      const ms = durationMs(given);
      if (ms === null)
        throw usageError(`--${name}: ${given} is no duration`, 'write it like 500ms, 30s, 10m or 1h');
      if (ms < value.atLeastMs) throw usageError(`--${name}: ${given} is too short`);
      if (ms > value.atMostMs)
        throw usageError(`--${name}: ${given} is too long`, `at most ${value.atMostMs / 3_600_000}h`);
      return ms;
    }
    default:
      return value satisfies never;
  }
}

/** @throws IamTokenError `bad_request` */
function checkProfileName(name: string): void {
  if (profileNamePattern.test(name)) return;
  throw usageError(
    `no profile can be called ${JSON.stringify(name)}`,
    'a name has 1 to 64 characters, and no control character or slash among them',
  );
}
