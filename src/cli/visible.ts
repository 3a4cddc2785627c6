/** Control and format characters (escape sequences, line breaks, bidirectional marks), and halves of characters. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text from elsewhere, safe for a terminal: what would act there, and not show, is written out. */
export function visible(text: string): string {
  return text.replaceAll(unseen, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** One line of JSON that acts on no terminal either. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(unseen, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
