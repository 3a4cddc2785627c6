/** Columns of text on a terminal. The text has no control characters besides the styles of `createStyleText`. */

/** Two columns: East Asian characters and emoji (unicode.org/reports/tr11, approximated by script). */
const wideCharacter =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const combiningCharacter = /[\p{M}\p{Cf}]/u;
const stylePattern = new RegExp(String.raw`${'\x1b'}\[\d+m`, 'g');

export function displayWidth(text: string): number {
  return Array.from(text.replaceAll(stylePattern, '')).reduce(
    (width, each) => width + characterWidth(each),
    0,
  );
}

/** @param text without styles @returns the text with blanks up to `columns` */
export function padToWidth(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - displayWidth(text), 0));
}

/** @param text without styles @returns at most `columns` columns; an ellipsis stands for what was cut off */
export function truncateToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let start = '';
  let width = 1;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns) break;
    start += character;
  }
  return `${start}…`;
}

function characterWidth(character: string): number {
  if (combiningCharacter.test(character)) return 0;
  return wideCharacter.test(character) ? 2 : 1;
}
