import { parseArgs } from 'node:util';
import { defaultTimeoutMs } from '../../client/request-token.ts';
import { parseDuration } from '../../shared/duration.ts';
import type { CommandArguments, CommandDefinition } from '../command.ts';
import { allCommands, defaultCommand, findNamedCommand, namedCommands } from '../command-table.ts';
import { checkValue } from './check-value.ts';
import { optionsOf } from './command-options.ts';
import type { Operand } from './options.ts';
import {
  flagValueError,
  misplacedOptionError,
  missingOperandError,
  missingValueError,
  unexpectedArgumentError,
  unknownCommandError,
  unknownOptionError,
} from './usage-errors.ts';

export interface CommandLine extends CommandArguments {
  readonly command: CommandDefinition;
}

/** The only options of one letter. */
const shortNames: Readonly<Record<string, string>> = { help: 'h', version: 'v' };

/**
 * Splits a command line with the options of all commands, because options may precede the command's name: each option
 * takes a value in every command, or in none.
 */
export function tokenizeArgs(args: readonly string[]) {
  const types = allCommands.flatMap(optionsOf).map(({ name, value }) => {
    const type: 'boolean' | 'string' = value.kind === 'flag' ? 'boolean' : 'string';
    const short = shortNames[name];
    return [name, short === undefined ? { type } : { type, short }] as const;
  });
  return parseArgs({
    args: [...args],
    options: Object.fromEntries(types),
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

type Token = ReturnType<typeof tokenizeArgs>[number];
type OptionToken = Extract<Token, { readonly kind: 'option' }>;

/** @throws IamTokenError `bad_request` */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const tokens = tokenizeArgs(args);
  const passthroughIndex = findPassthroughIndex(tokens);
  const ownTokens = tokens.filter(({ index }) => index < passthroughIndex);
  const optionTokens = ownTokens.filter((token) => token.kind === 'option');
  const words = ownTokens.filter((token) => token.kind === 'positional').map(({ value }) => value);
  rejectUnknownOptions(optionTokens, words);
  const [word] = words;
  const command = word === undefined ? defaultCommand : requireCommand(word);
  const options = new Map(optionTokens.map((token) => [token.name, readOption(command, token)]));
  const operands = words.slice(1).map((text) => (namesProfiles(command) ? text.trim() : text));
  const passthroughArgs = args.slice(passthroughIndex);
  return {
    command,
    options,
    socketPath: options.get('socket'),
    timeoutMs: parseDuration(options.get('timeout') ?? '') ?? command.timeoutMs ?? defaultTimeoutMs,
    minTtlMs: parseDuration(options.get('min-ttl') ?? '') ?? undefined,
    operand: options.has('help') ? '' : parseOperand(command, operands, options, passthroughArgs),
    operands,
    passthroughArgs,
  };
}

/** The value of `--socket` in a command line that may be invalid. */
export function findSocketPath(args: readonly string[]): string | undefined {
  const tokens = tokenizeArgs(args);
  const passthroughIndex = findPassthroughIndex(tokens);
  const option = tokens.findLast(
    (token) => token.kind === 'option' && token.name === 'socket' && token.index < passthroughIndex,
  );
  return option?.kind === 'option' ? option.value : undefined;
}

/** The index of the first word for another program; Infinity without one. */
function findPassthroughIndex(tokens: readonly Token[]): number {
  const [first, second] = tokens.filter((token) => token.kind === 'positional');
  const kind = findNamedCommand(first?.value)?.operand?.kind;
  if (first && kind === 'arguments') return first.index + 1;
  return kind === 'command' && second ? second.index : Infinity;
}

/** Before the command is looked up: the first word may be the value of a misspelt option. */
function rejectUnknownOptions(tokens: readonly OptionToken[], [word]: readonly string[]): void {
  const names = allCommands.flatMap(optionsOf).map(({ name }) => name);
  const unknown = tokens.find(({ name }) => !names.includes(name));
  if (unknown === undefined) return;
  const command = findNamedCommand(word) ?? defaultCommand;
  throw unknownOptionError(command, unknown, names);
}

/** @throws IamTokenError `bad_request` */
function requireCommand(word: string): CommandDefinition {
  const command = findNamedCommand(word);
  if (command !== undefined) return command;
  throw unknownCommandError(
    word,
    namedCommands.map(({ name }) => name),
  );
}

/** Names of profiles are trimmed. */
const namesProfiles = ({ operand }: CommandDefinition): boolean =>
  operand?.kind === 'profile' || operand?.kind === 'action';

/** @returns the value; empty for a flag */
function readOption(command: CommandDefinition, { name, value: text, inlineValue }: OptionToken): string {
  const findOption = (other: CommandDefinition) => optionsOf(other).find((option) => option.name === name);
  const option = findOption(command);
  if (option === undefined) throw misplacedOptionError(command, name, allCommands.filter(findOption));
  if (option.value.kind === 'flag') {
    if (text !== undefined) throw flagValueError(command, name);
    return '';
  }
  if (text === '' && 'isClearable' in option.value) return text;
  if (!text) throw missingValueError(command, name);
  if (!inlineValue && text.startsWith('-') && text !== '-') throw missingValueError(command, name, text);
  checkValue(command, `--${name}`, option.value, text);
  return option.value.kind === 'profile' ? text.trim() : text;
}

function parseOperand(
  command: CommandDefinition,
  words: readonly string[],
  options: ReadonlyMap<string, string>,
  passthroughArgs: readonly string[],
): string {
  const { operand } = command;
  if (operand?.kind === 'action') return parseAction(command, operand, words, options);
  const [text = '', unexpectedArgument] = operand === undefined ? ['', ...words] : words;
  if (operand !== undefined && operand.kind !== 'arguments' && passthroughArgs.length === 0) {
    checkOperand(command, operand, text);
  }
  if (unexpectedArgument !== undefined) throw unexpectedArgumentError(command, unexpectedArgument, options);
  return text;
}

function parseAction(
  command: CommandDefinition,
  { action, nameCount, placeholder }: Extract<Operand, { readonly kind: 'action' }>,
  [word, ...names]: readonly string[],
  options: ReadonlyMap<string, string>,
): string {
  if (word === undefined) return '';
  if (word !== action) throw unexpectedArgumentError(command, word, options);
  if (names.length < nameCount) throw missingOperandError(command, { kind: 'command', placeholder });
  const [unexpectedArgument] = names.slice(nameCount);
  if (unexpectedArgument !== undefined) throw unexpectedArgumentError(command, unexpectedArgument, options);
  for (const name of names) checkValue(command, placeholder, { kind: 'profile', placeholder }, name);
  return word;
}

function checkOperand(command: CommandDefinition, operand: Operand, text: string): void {
  if (operand.kind === 'command-name') {
    if (text !== '') requireCommand(text);
    return;
  }
  if (text === '') throw missingOperandError(command, operand);
  checkValue(command, operand.placeholder, operand, text);
}
