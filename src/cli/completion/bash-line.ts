export interface BashLine {
  /** Unquoted; the last one is under the cursor and may be empty. */
  readonly words: readonly string[];
  /** Where each word begins in the line. */
  readonly wordStarts: readonly number[];
  /** The text that bash must insert to make `text` the last word. */
  replacementFor(text: string): string;
}

/**
 * Splits a bash command line, up to the cursor, into words. bash splits at COMP_WORDBREAKS, keeps the quotes, and
 * replaces only the last piece, with the text as it is.
 * @param wordBreaks `COMP_WORDBREAKS`
 */
export function parseBashLine(line: string, wordBreaks: string): BashLine {
  const words: string[] = [];
  const wordStarts: number[] = [];
  let word: string | null = null;
  let quote = '';
  /** The length of the part that bash keeps. */
  let prefixLength = 0;
  for (let index = 0; index < line.length; index += 1) {
    const character = line.charAt(index);
    const next = line.charAt(index + 1);
    if (word === null && !/\s/.test(character)) wordStarts.push(index);
    if (quote === "'" && character !== quote) word += character;
    else if (character === '\\' && (quote === '' || '$`"\\'.includes(next))) {
      word = (word ?? '') + next;
      index += 1;
    } else if (character === quote) quote = '';
    else if (quote !== '') word += character;
    else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
      prefixLength = 0;
    } else if (`'"`.includes(character)) {
      quote = character;
      word ??= '';
      prefixLength = word.length;
    } else {
      word = (word ?? '') + character;
      // bash replaces the text after a word break, but `@` itself too.
      if (wordBreaks.includes(character)) prefixLength = character === '@' ? word.length - 1 : word.length;
    }
  }
  if (word === null) wordStarts.push(line.length);
  words.push(word ?? '');
  return { words, wordStarts, replacementFor: (text) => quoteForBash(text.slice(prefixLength), quote) };
}

/** @param quote the open quote; bash drops one quote at the start and at the end of the text */
function quoteForBash(text: string, quote: string): string {
  if (quote === '') return text.replaceAll(/[^\p{L}\p{M}\p{N}_@%+=:,./-]/gu, String.raw`\$&`);
  const escapedText =
    quote === "'"
      ? text.replaceAll("'", String.raw`'\''`)
      : // Within double quotes, a backslash does not prevent history expansion of `!`.
        text.replaceAll(/[$`"\\]/g, String.raw`\$&`).replaceAll('!', `"'!'"`);
  return (
    (escapedText.startsWith(quote) ? quote : '') + escapedText + (escapedText.endsWith(quote) ? quote : '')
  );
}
