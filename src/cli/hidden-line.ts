export type LineState = 'open' | 'done' | 'interrupted' | 'too_long';

const escape = '\x1b';
/** What follows the escape character: ECMA-48's control sequences, and keys pressed together with Alt. */
const escapeSequence = /^(?:\[[0-?]*[ -/]*[@-~]|O?[^\p{Cc}[O])/u;
const begunSequence = /^(?:\[[0-?]*[ -/]*|O)?$/;

/**
 * The line that a person types at a terminal in raw mode, where nobody but us handles the keys. What a key like an
 * arrow sends, and the marks around a paste, are left out.
 */
export class HiddenLine {
  #text = '';
  #rest = '';
  #state: LineState = 'open';
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get text(): string {
    return this.#text;
  }

  /** Takes what came; whatever follows the end of the line is dropped. */
  type(piece: string): LineState {
    this.#rest += piece;
    while (this.#rest !== '' && this.#state === 'open') {
      const key = String.fromCodePoint(this.#rest.codePointAt(0) ?? 0);
      const after = this.#rest.slice(key.length);
      if (key === escape) {
        if (begunSequence.test(after)) break;
        this.#rest = after.replace(escapeSequence, '');
      } else {
        this.#rest = after;
        this.#press(key);
      }
    }
    return this.#state;
  }

  #press(key: string): void {
    switch (key) {
      case '\r':
      case '\n':
      case '\x04': // Ctrl-D
        this.#state = 'done';
        return;
      case '\x03': // Ctrl-C
        this.#state = 'interrupted';
        return;
      case '\b':
      case '\x7f': // Backspace
        this.#text = Array.from(this.#text).slice(0, -1).join('');
        return;
      case '\x15': // Ctrl-U
      case '\x17': // Ctrl-W
        this.#text = '';
        return;
      default:
        if (/^\p{Cc}$/u.test(key)) return;
        this.#text += key;
        if (this.#text.length > this.#maxLength) this.#state = 'too_long';
    }
  }
}
