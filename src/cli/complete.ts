import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Surroundings } from '../platform/places.ts';
import { profileNamePattern } from '../protocol/messages.ts';
import { readBashLine } from './bash-line.ts';
import { type Command, withDaemon } from './command.ts';
import { isForeign, namedCommands, type Operand, options, optionsOf, type OptionValue } from './options.ts';
import { allProfiles } from './pages.ts';
import { tokensOf } from './parse-command-line.ts';
import { print } from './terminal.ts';
import { visible } from './visible.ts';

/** The script asks `iam-token __complete` at each Tab, so that it fits whatever release is installed. */
export const completion: Command = async ({ operand }) =>
  print(readFileSync(join(__dirname, '../../scripts/shells', `iam-token.${operand}`), 'utf8').trimEnd());

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
  const typed = words.at(-1) ?? '';
  const tokens = tokensOf(words.slice(0, -1));
  const given = tokens.filter((token) => token.kind === 'option');
  const [bare, ...others] = tokens.filter((token) => token.kind === 'positional');
  const isAfterOptions = tokens.some(({ kind }) => kind === 'option-terminator');
  const command = namedCommands.find(({ name }) => name === bare?.value);
  const operand = command?.operand;
  // A command that is not ours: of its words we know nothing.
  if (isForeign(operand) && (others.length > 0 || isAfterOptions || operand?.kind === 'arguments'))
    return 'files';

  const suggest = async (value: OptionValue | Operand, mayBeOption: boolean): Promise<Suggestions> => {
    if (value.kind === 'choice') return value.choices.map((text) => ({ text, help: '' }));
    if (value.kind === 'command') return 'files';
    if (value.kind === 'text' && /PATH|FILE/.test(value.placeholder)) return 'files';
    if (value.kind !== 'profile') return [];
    const socketPath = given.findLast(({ name }) => name === 'socket')?.value || undefined;
    // Only what cannot be taken for an option may stand by itself.
    return (await profiles(socketPath)).filter(({ text }) => mayBeOption || !text.startsWith('-'));
  };
  const ofCommand = optionsOf(command?.name ?? 'token');
  const valueNamed = (wanted: string): OptionValue | undefined =>
    [...ofCommand, ...options].find(({ name }) => name === wanted)?.value;

  const last = tokens.at(-1);
  const open = last?.kind === 'option' && last.value === undefined ? valueNamed(last.name) : undefined;
  if (open !== undefined && open.kind !== 'flag') return suggest(open, false);
  const inLine = isAfterOptions ? null : /^--([\w-]+)=/.exec(typed);
  if (inLine !== null) {
    const [start, name = ''] = inLine;
    const value = valueNamed(name);
    const values = value === undefined ? [] : await suggest(value, true);
    return values === 'files' ? values : values.map(({ text, help }) => ({ text: start + text, help }));
  }
  if (isAfterOptions || !typed.startsWith('-')) {
    if (command === undefined) return namedCommands.map(({ name, help }) => ({ text: name, help }));
    if (operand !== undefined && others.length === 0) return suggest(operand, isAfterOptions);
  }
  if (isAfterOptions) return [];
  return ofCommand
    .filter((option) => !given.some(({ name }) => name === option.name))
    .map(({ name, help }) => ({ text: `--${name}`, help }));
}

async function profilesOf(
  socketPath: string | undefined,
  surroundings: Surroundings,
): Promise<readonly Suggestion[]> {
  try {
    const found = await withDaemon({ socketPath, timeoutMs: daemonMs, surroundings }, allProfiles);
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
