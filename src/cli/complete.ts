import { dial } from '../client/dial.ts';
import { patienceOf } from '../client/patience.ts';
import type { Surroundings } from '../platform/places.ts';
import { profileNamePattern } from '../protocol/messages.ts';
import { readBashLine } from './bash-line.ts';
import {
  commands,
  isForeign,
  type Operand,
  options,
  optionsOf,
  type OptionSpec,
  type OptionValue,
} from './options.ts';
import { allProfiles } from './pages.ts';
import { print } from './terminal.ts';
import { visible } from './visible.ts';

/** A person waits with a finger on Tab. */
const daemonMs = 250;

export interface Suggestion {
  /** The whole word. */
  readonly text: string;
  readonly help: string;
}

/** `files`: the names of files, of which the shell knows more. */
export type Suggestions = 'files' | readonly Suggestion[];

/** The profiles of the daemon at this socket, or at the usual one; none where it does not say so at once. */
export type KnownProfiles = (socketPath: string | undefined) => Promise<readonly Suggestion[]>;

/**
 * What a shell's completion calls: `iam-token __complete WORD…`, the words after `iam-token`, the last one under the
 * cursor; or `--bash BREAKS LINE`. Prints `words` or `files`, then a line for each word: the word, a tab, its help; for
 * bash, what it is to insert. The shells choose from these what fits to what was typed, all but bash.
 */
export async function complete(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const [first, breaks = '', line = ''] = args;
  const bash = first === '--bash' ? readBashLine(line, breaks) : null;
  const words = bash === null ? args : bash.words.slice(1);
  const found = await suggestionsFor(words, (socketPath) => profilesOf(socketPath, surroundings));
  if (found === 'files') return print(found);
  const typed = words.at(-1) ?? '';
  const lines =
    bash === null
      ? found.map(({ text, help }) => `${text}\t${help}`)
      : found.filter(({ text }) => text.startsWith(typed)).map(({ text }) => bash.replacement(text));
  print(['words', ...lines].join('\n'));
}

export async function suggestionsFor(
  words: readonly string[],
  profiles: KnownProfiles,
): Promise<Suggestions> {
  const { command, open, socketPath, given, hasOperand, isAfterOptions } = scan(words.slice(0, -1));
  const typed = words.at(-1) ?? '';
  // A command that is not ours: of its words we know nothing.
  const isOthers = hasOperand || isAfterOptions || command?.operand?.kind === 'arguments';
  if (isForeign(command?.operand) && isOthers) return 'files';
  const known = optionsOf(command?.name ?? 'token');
  // Only what cannot be taken for an option may stand by itself.
  const named = async (mayBeOption: boolean): Promise<readonly Suggestion[]> =>
    (await profiles(socketPath)).filter(({ text }) => mayBeOption || !text.startsWith('-'));
  const valuesOf = (
    value: OptionValue | Operand,
    mayBeOption: boolean,
  ): Suggestions | Promise<Suggestions> => {
    if (value.kind === 'profile') return named(mayBeOption);
    if (value.kind === 'choice') return value.choices.map((text) => ({ text, help: '' }));
    if (value.kind === 'command') return 'files';
    return value.kind === 'text' && /PATH|FILE/.test(value.placeholder) ? 'files' : [];
  };
  const inLine = isAfterOptions ? null : /^--([\w-]+)=/.exec(typed);
  const name = open ?? inLine?.[1];
  if (name !== undefined) {
    const option = known.find((each) => each.name === name) ?? optionNamed(name);
    const values = option === undefined ? [] : await valuesOf(option.value, inLine !== null);
    if (inLine === null || values === 'files') return values;
    return values.map(({ text, help }) => ({ text: inLine[0] + text, help }));
  }
  const optionWords = known
    .filter((option) => !given.has(option.name))
    .map(({ name, help }) => ({ text: `--${name}`, help }));
  if (isAfterOptions || !typed.startsWith('-')) {
    if (command === undefined) return commandWords;
    if (command.operand !== undefined && !hasOperand) return valuesOf(command.operand, isAfterOptions);
  }
  return isAfterOptions ? [] : optionWords;
}

const commandWords: readonly Suggestion[] = commands
  .filter(({ name }) => name !== 'token')
  .map(({ name, help }) => ({ text: name, help }));

/** What stands before the word under the cursor. */
function scan(words: readonly string[]) {
  const given = new Map<string, string>();
  const bare: string[] = [];
  let open: string | undefined;
  let isAfterOptions = false;
  for (const word of words) {
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (open !== undefined) {
      given.set(open, word);
      open = undefined;
    } else if (word === '--' && !isAfterOptions) isAfterOptions = true;
    else if (isAfterOptions || name === undefined) bare.push(word);
    else {
      given.set(name, value ?? '');
      if (value === undefined && (optionNamed(name)?.value.kind ?? 'flag') !== 'flag') open = name;
    }
  }
  const command = commands.find(({ name }) => name === bare[0]);
  return {
    command,
    open,
    given,
    isAfterOptions,
    socketPath: given.get('socket') || undefined,
    hasOperand: bare.length > 1,
  };
}

/** Of whatever command: all of one name take a value, or none does. */
function optionNamed(name: string): OptionSpec | undefined {
  return options.find((option) => option.name === name);
}

async function profilesOf(
  socketPath: string | undefined,
  surroundings: Surroundings,
): Promise<readonly Suggestion[]> {
  const patience = patienceOf(daemonMs);
  try {
    const connection = await dial(socketPath, surroundings, patience);
    const found = await allProfiles(connection, patience);
    return found
      .filter(({ profile }) => profileNamePattern.test(profile))
      .map(({ profile, kind, isDefault }) => ({
        text: profile,
        help: visible(isDefault ? `${kind}, the default` : kind),
      }));
  } catch {
    // Nobody is told at a Tab; the command itself will say what is wrong.
    return [];
  }
}
