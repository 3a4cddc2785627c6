/** The errors of an invalid command line. Each hint is a command that works as it stands. */
import { isProfileName } from '../../protocol/limits.ts';
import type { IamTokenError } from '../../shared/errors.ts';
import { daemonHint } from '../../shared/hint.ts';
import { formatProfileOption, quotePosixWord } from '../../shared/shell-quoting.ts';
import { suggestClosest } from '../../shared/text/suggest-closest.ts';
import { usageError } from '../cli-errors.ts';
import type { CommandDefinition } from '../command.ts';
import { optionsOf } from './command-options.ts';
import type { Operand } from './options.ts';

/** `iam-token logout`. */
const invocationOf = ({ name }: CommandDefinition): string => `iam-token ${name}`.trimEnd();
const helpInvocationOf = (command: CommandDefinition): string => `${invocationOf(command)} --help`;

/** Tokens and keys by their first characters or by their length. */
const secretPattern = /^(?:y\d_|AQ[A-Z]{2}|t1\.|eyJ|\{|-----BEGIN|.{65})/s;

/** A value in a message. A misplaced secret is cut off: messages end up in logs. */
function quoteArgument(text: string): string {
  return secretPattern.test(text) ? `"${text.slice(0, 3)}…"` : `"${text}"`;
}

export function unknownCommandError(word: string, names: readonly string[]): IamTokenError {
  const suggestion = suggestClosest(word, names);
  return usageError(
    `unknown command ${quoteArgument(word)}`,
    suggestion === undefined ? 'iam-token --help' : daemonHint(`iam-token ${suggestion}`),
  );
}

export function unknownOptionError(
  command: CommandDefinition,
  { name, rawName }: { readonly name: string; readonly rawName: string },
  names: readonly string[],
): IamTokenError {
  const suggestion = suggestClosest(name, names);
  return usageError(
    `unknown option ${quoteArgument(rawName)}${suggestion === undefined ? '' : `; did you mean "--${suggestion}"?`}`,
    helpInvocationOf(command),
  );
}

/** @param owners the commands that have this option */
export function misplacedOptionError(
  command: CommandDefinition,
  name: string,
  owners: readonly CommandDefinition[],
): IamTokenError {
  const ownerList = owners.length > 3 ? '' : ` (an option of ${owners.map(invocationOf).join(', ')})`;
  const message = `unknown option "--${name}" for ${invocationOf(command)}${ownerList}`;
  const [owner] = owners;
  return usageError(message, helpInvocationOf(owners.length === 1 && owner ? owner : command));
}

export function flagValueError(command: CommandDefinition, name: string): IamTokenError {
  return usageError(`option "--${name}" takes no value`, helpInvocationOf(command));
}

/** @param next the option that follows in place of a value */
export function missingValueError(command: CommandDefinition, name: string, next?: string): IamTokenError {
  const remark =
    next === undefined || secretPattern.test(next)
      ? ''
      : `; if "${next}" is the value, write --${name}=${next}`;
  return usageError(`option "--${name}" requires a value${remark}`, helpInvocationOf(command));
}

export function invalidValueError(
  command: CommandDefinition,
  label: string,
  text: string,
  rule: string,
): IamTokenError {
  return usageError(`invalid value ${quoteArgument(text)} for ${label}: ${rule}`, helpInvocationOf(command));
}

export function missingOperandError(command: CommandDefinition, operand: Operand): IamTokenError {
  return usageError(
    `missing argument ${operand.placeholder}`,
    operand.kind === 'profile' ? daemonHint('iam-token profiles') : helpInvocationOf(command),
  );
}

export function unexpectedArgumentError(
  command: CommandDefinition,
  word: string,
  options: ReadonlyMap<string, string>,
): IamTokenError {
  const names = optionsOf(command).map(({ name }) => name);
  // Where a secret is read, the word may be one.
  if (names.includes('stdin')) {
    return usageError(
      'unexpected argument: a secret is read from a prompt or from stdin, never from the command line',
      daemonHint(invocationOf(command)),
    );
  }
  const message = `unexpected argument ${quoteArgument(word)}`;
  const isProfile = names.includes('profile') && !options.has('profile') && isProfileName(word);
  if (!isProfile || secretPattern.test(word)) return usageError(message, helpInvocationOf(command));
  const typedOptions = [...options].map(([name, value]) => formatTypedOption(name, value));
  return usageError(message, [invocationOf(command), ...typedOptions, formatProfileOption(word)].join(' '));
}

function formatTypedOption(name: string, value: string): string {
  if (value === '') return `--${name}`;
  return `--${name}=${/^[\w@%+:,./-]+$/.test(value) ? value : quotePosixWord(value)}`;
}
