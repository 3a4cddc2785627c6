import type { CommandDefinition } from '../command.ts';
import { allCommands, defaultCommand, findNamedCommand, namedCommands } from '../command-table.ts';
import { optionsOf } from '../parsing/command-options.ts';
import type { Operand, OptionValue } from '../parsing/options.ts';
import { tokenizeArgs } from '../parsing/parse-command-line.ts';

export interface Suggestion {
  /** The whole word. */
  readonly text: string;
  readonly help: string;
}

/** The shell completes file names, or the command line of another program, itself. */
export type Suggestions =
  | readonly Suggestion[]
  | 'files'
  | {
      /** The index of the other program among the words. */
      readonly commandIndex: number;
    };

/** The profiles of the daemon at this socket, or at the usual one; empty if it does not answer at once. */
export type ListProfiles = (socketPath: string | undefined) => Promise<readonly Suggestion[]>;

/** @param words the words after `iam-token`, up to the cursor; the last one is incomplete and may be empty */
export async function suggestCompletions(
  words: readonly string[],
  listProfiles: ListProfiles,
): Promise<Suggestions> {
  const line = parsePartialLine(words);
  const { command, currentWord, operandCount, optionTokens, isAfterTerminator } = line;
  const commandIndex = findPassthroughIndex(line, words.length - 1);
  if (commandIndex !== undefined) return { commandIndex };

  const suggest = async (value: OptionValue | Operand, allowsLeadingDash: boolean): Promise<Suggestions> => {
    if (value.kind !== 'profile') return suggestValues(value);
    const socketPath = optionTokens.findLast(({ name }) => name === 'socket')?.value || undefined;
    const profiles = await listProfiles(socketPath);
    return profiles.filter(({ text }) => allowsLeadingDash || !text.startsWith('-'));
  };

  const pendingValue = findPendingValue(line);
  if (pendingValue !== undefined) return suggest(pendingValue, false);
  const inlineMatch = isAfterTerminator ? null : /^--([\w-]+)=/.exec(currentWord);
  if (inlineMatch !== null) {
    const [prefix, name = ''] = inlineMatch;
    const value = findOptionValue(command, name);
    const values = value === undefined ? [] : await suggest(value, true);
    return isList(values) ? values.map(({ text, help }) => ({ text: prefix + text, help })) : values;
  }
  if (isAfterTerminator || !currentWord.startsWith('-')) {
    if (command === undefined) return suggestCommands();
    if (command.operand?.kind === 'action' && operandCount === 1)
      return suggest({ kind: 'profile', placeholder: '' }, isAfterTerminator);
    if (command.operand !== undefined && operandCount === 0)
      return suggest(command.operand, isAfterTerminator);
  }
  return isAfterTerminator ? [] : suggestOptions(line);
}

/** Whether the shell gets words, instead of completing the line itself. */
export const isList = (suggestions: Suggestions): suggestions is readonly Suggestion[] =>
  Array.isArray(suggestions);

interface PartialLine {
  readonly currentWord: string;
  /** Absent until a command is named. */
  readonly command: CommandDefinition | undefined;
  readonly operandCount: number;
  readonly tokens: ReturnType<typeof tokenizeArgs>;
  readonly optionTokens: readonly { readonly name: string; readonly value?: string | undefined }[];
  /** Whether `--` precedes the cursor. */
  readonly isAfterTerminator: boolean;
}

function parsePartialLine(words: readonly string[]): PartialLine {
  const tokens = tokenizeArgs(words.slice(0, -1));
  const [commandToken, ...operandTokens] = tokens.filter((token) => token.kind === 'positional');
  return {
    currentWord: words.at(-1) ?? '',
    command: findNamedCommand(commandToken?.value),
    operandCount: operandTokens.length,
    tokens,
    optionTokens: tokens.filter((token) => token.kind === 'option'),
    isAfterTerminator: tokens.some(({ kind }) => kind === 'option-terminator'),
  };
}

/**
 * The index of the command that the word under the cursor belongs to: that of `exec`, or `yc` itself. Absent if the word
 * belongs to this program, or follows an option.
 */
function findPassthroughIndex(line: PartialLine, currentIndex: number): number | undefined {
  const { command, currentWord, isAfterTerminator, tokens } = line;
  const [commandToken, programToken] = tokens.filter(({ kind }) => kind === 'positional');
  if (command?.operand?.kind === 'arguments') return commandToken?.index;
  if (command?.operand?.kind !== 'command') return undefined;
  if (programToken !== undefined) return programToken.index;
  const isOption =
    !isAfterTerminator && (currentWord.startsWith('-') || findPendingValue(line) !== undefined);
  return isOption ? undefined : currentIndex;
}

/** What the option before the cursor takes, if its value is still missing. */
function findPendingValue({ command, tokens }: PartialLine): OptionValue | undefined {
  const lastToken = tokens.at(-1);
  if (lastToken?.kind !== 'option' || lastToken.value !== undefined) return undefined;
  const value = findOptionValue(command, lastToken.name);
  return value?.kind === 'flag' ? undefined : value;
}

/** The command may follow later in the line, so the options of all commands count. */
function findOptionValue(command: CommandDefinition | undefined, name: string): OptionValue | undefined {
  const options = [command ?? defaultCommand, ...allCommands].flatMap(optionsOf);
  return options.find((option) => option.name === name)?.value;
}

const suggestCommands = (): readonly Suggestion[] =>
  namedCommands.map(({ name, summary }) => ({ text: name, help: summary }));

function suggestValues(value: OptionValue | Operand): Suggestions {
  if (value.kind === 'command-name') return suggestCommands();
  if (value.kind === 'action') return [{ text: value.action, help: '' }];
  if (value.kind === 'choice') return value.choices.map((text) => ({ text, help: '' }));
  const isFile = value.kind === 'text' && /PATH|FILE/.test(value.placeholder);
  return isFile ? 'files' : [];
}

function suggestOptions({ command, optionTokens }: PartialLine): readonly Suggestion[] {
  return optionsOf(command ?? defaultCommand)
    .filter((option) => !optionTokens.some(({ name }) => name === option.name))
    .map(({ name, help }) => ({ text: `--${name}`, help }));
}
