/** Words that this project had for things that already have a name, and the name to use. */
import type { Finding } from './findings.ts';

interface RetiredWord {
  /** Matched in code, comments and text, as a whole word or as a part of a camel-case name. */
  readonly words: string;
  readonly use: string;
}

export const retiredWords: readonly RetiredWord[] = [
  { words: 'patience', use: 'deadline' },
  { words: 'surroundings', use: 'process context' },
  { words: 'asker', use: 'request context' },
  { words: 'peace', use: 'retryAfter' },
  { words: 'sayable', use: 'sanitizeUpstreamText' },
  { words: 'manner|manners', use: 'interaction' },
  { words: 'house|houses', use: 'test environment, or conventions' },
  { words: 'door|doors', use: 'server' },
  { words: 'guest|guests', use: 'other user' },
  { words: 'goodbye|farewell', use: 'drain' },
  { words: 'unflavoured', use: 'requireMetadataFlavor' },
  { words: 'mayHeal', use: 'retryOnSchedule' },
  { words: 'needs_person', use: 'interaction_required' },
  { words: 'takeBack|noLonger[A-Z]\\w*', use: 'cancel, or release' },
  { words: 'onGone', use: 'onClose' },
  { words: 'owesNoProof', use: 'isPreauthenticated' },
  { words: 'byWayOf|inWords|howToClose|whenOver', use: 'a verb phrase' },
  { words: '\\w*(?:AtMost|AtLeast)(?:Ms|Bytes)?', use: 'max… or min…' },
  { words: 'living token|living tokens|living IAM token|living IAM tokens', use: 'valid token' },
  { words: 'bad day|bad days', use: 'keychain failure' },
  { words: 'ways in', use: 'HTTP endpoints' },
  { words: 'rules of the house|house rules', use: 'conventions' },
  { words: 'anew', use: 'again' },
  { words: 'whoever', use: 'the name of the actor' },
  { words: 'nobody|somebody', use: 'the name of the actor' },
  { words: 'heard', use: 'read, or applied' },
  { words: 'meanwhile', use: 'in the meantime, or a sentence without it' },
];

export interface TextFile {
  /** From the top of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every line of `files` that holds a retired word, each word once a line. */
export function checkVocabulary(
  files: readonly TextFile[],
  words: readonly RetiredWord[] = retiredWords,
): readonly Finding[] {
  const patterns = words.map(({ words: alternatives, use }) => ({ pattern: patternOf(alternatives), use }));
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) =>
      patterns.flatMap(({ pattern, use }) => {
        const found = pattern.exec(line)?.[0];
        return found === undefined ? [] : [`${path}:${index + 1}: "${found}"; write: ${use}`];
      }),
    ),
  );
}

/** `manner` is found in `Manner`, `mannerOf` and `#keyManner`, and not in `mannered`. */
function patternOf(alternatives: string): RegExp {
  const capitalised = alternatives
    .split('|')
    .filter((word) => /^[a-z]+$/.test(word))
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  const inNames = capitalised.length === 0 ? '' : `|(?:${capitalised.join('|')})(?![a-z])`;
  return new RegExp(`(?<![A-Za-z])(?:${alternatives})(?![a-z])${inNames}`);
}
