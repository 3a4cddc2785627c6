export interface BashLine {
  /** Without their quotes; the last one is under the cursor, and may be empty. */
  readonly words: readonly string[];
  /** What bash has to put in place of what it replaces, for the last word to become `text`. */
  replacement(text: string): string;
}

/**
 * The words of a line of bash as far as the cursor. bash itself gives the pieces between its word breaks, with quotes
 * and all, and puts what it is given in the place of the last piece as it stands.
 * @param breaks `COMP_WORDBREAKS`
 */
export function readBashLine(line: string, breaks: string): BashLine {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  /** So much of the last word stays. */
  let kept = 0;
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    const next = line.charAt(at + 1);
    if (quote === "'" && character !== quote) word += character;
    else if (character === '\\' && (quote === '' || '$`"\\'.includes(next))) {
      word = (word ?? '') + next;
      at += 1;
    } else if (character === quote) quote = '';
    else if (quote !== '') word += character;
    else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
      kept = 0;
    } else if (`'"`.includes(character)) {
      quote = character;
      word ??= '';
      kept = word.length;
    } else {
      word = (word ?? '') + character;
      // bash replaces from this one on, and from behind the others.
      if (breaks.includes(character)) kept = character === '@' ? word.length - 1 : word.length;
    }
  }
  words.push(word ?? '');
  return { words, replacement: (text) => quoted(text.slice(kept), quote) };
}

/** @param quote the one that is open; bash takes one at the text's start for this one, and one at its end for its fellow */
function quoted(text: string, quote: string): string {
  if (quote === '') return text.replaceAll(/[^\p{L}\p{M}\p{N}_@%+=:,./-]/gu, String.raw`\$&`);
  const within =
    quote === "'"
      ? text.replaceAll("'", String.raw`'\''`)
      : // A backslash does not keep bash from looking for `!` in its history there.
        text.replaceAll(/[$`"\\]/g, String.raw`\$&`).replaceAll('!', `"'!'"`);
  return (within.startsWith(quote) ? quote : '') + within + (within.endsWith(quote) ? quote : '');
}
