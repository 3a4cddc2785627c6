import type { ProcessContext } from '../../platform/paths.ts';
import { isProfileName } from '../../protocol/limits.ts';
import { withDaemon } from '../command.ts';
import { fetchProfiles } from '../fetch-status.ts';
import { escapeControlCharacters } from '../terminal/escape.ts';
import { print } from '../terminal/terminal.ts';
import { parseBashLine } from './bash-line.ts';
import { isList, suggestCompletions, type Suggestion } from './suggest-completions.ts';

/** The shell is blocked until then. */
const daemonTimeoutMs = 250;

/**
 * Runs `iam-token __complete`, which the completion scripts call:
 * - zsh, fish, PowerShell: `__complete WORD…`, with the words after `iam-token`, up to the cursor. Prints `words` or `files`,
 *   then a line per suggestion: the word, a tab and its help. The shell filters the suggestions. Prints `command N` if
 *   the command line of another program begins at word N, counted from 0.
 * - bash: `__complete --bash COMP_WORDBREAKS LINE`. A line per matching suggestion has the text to insert; N counts characters.
 */
export async function complete(args: readonly string[], processContext: ProcessContext): Promise<void> {
  const [mode, wordBreaks = '', line = ''] = args;
  const bashLine = mode === '--bash' ? parseBashLine(line, wordBreaks) : null;
  const words = bashLine === null ? args : bashLine.words.slice(1);
  const suggestions = await suggestCompletions(words, (socketPath) =>
    suggestProfiles(socketPath, processContext),
  );
  if (suggestions === 'files') return print(suggestions);
  if (!isList(suggestions)) {
    const { commandIndex } = suggestions;
    return print(`command ${bashLine?.wordStarts[commandIndex + 1] ?? commandIndex}`);
  }
  const currentWord = words.at(-1) ?? '';
  const lines =
    bashLine === null
      ? suggestions.map(({ text, help }) => `${text}\t${help}`)
      : suggestions
          .filter(({ text }) => text.startsWith(currentWord))
          .map(({ text }) => bashLine.replacementFor(text));
  print(['words', ...lines].join('\n'));
}

async function suggestProfiles(
  socketPath: string | undefined,
  processContext: ProcessContext,
): Promise<readonly Suggestion[]> {
  try {
    const profiles = await withDaemon(
      { socketPath, timeoutMs: daemonTimeoutMs, processContext },
      fetchProfiles,
    );
    return profiles
      .filter(({ profile }) => isProfileName(profile))
      .map(({ profile, kind, isDefault }) => ({
        text: profile,
        help: escapeControlCharacters(isDefault ? `${kind}, default profile` : kind),
      }));
  } catch {
    // An error message would disturb the command line; the command reports the problem when it runs.
    return [];
  }
}
