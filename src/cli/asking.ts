/** How a person is asked, and how a secret is read that they pipe in instead. */
import type { IamTokenError } from '../client/iam-token-error.ts';
import { Secret } from '../shared/secret.ts';
import { QuietEnd, usageError } from './endings.ts';
import { isTerminal, say } from './terminal.ts';
import { visible } from './visible.ts';

/** A secret has at most this many bytes. */
const secretAtMostBytes = 65_536;
const escape = '\x1b';

/** Whether there is a person to ask. */
export function canAsk(): boolean {
  return isTerminal('stdin') && isTerminal('stderr');
}

/**
 * @param usual what an empty answer means
 * @throws QuietEnd where the terminal is gone
 */
export async function askYesNo(question: string, usual: 'yes' | 'no'): Promise<boolean> {
  say(`${visible(question)} ${usual === 'yes' ? '[Y/n]' : '[y/N]'} `);
  const answer = await typed((text) => text.trim().toLowerCase());
  return (answer === '' ? usual : answer).startsWith('y');
}

/**
 * Asks for a secret, of which nothing is shown.
 * @throws QuietEnd on Ctrl-C; IamTokenError `bad_request` when it is too long
 */
export async function promptHidden(question: string): Promise<Secret> {
  let all = '';
  process.stdin.setRawMode(true);
  say(question);
  try {
    return await typed((text) => {
      all += text;
      const line = hiddenLine(all, secretAtMostBytes);
      if (line.state === 'interrupted') throw new QuietEnd('interrupted');
      if (line.state === 'too_long') throw tooLong();
      return line.state === 'done' ? new Secret(line.text.trim()) : null;
    });
  } finally {
    process.stdin.setRawMode(false);
    say('\n');
  }
}

/** What `read` makes of the pieces that a person types, as soon as it makes something of one. */
async function typed<T>(read: (text: string) => T | null): Promise<T> {
  const { stdin } = process;
  stdin.setEncoding('utf8');
  try {
    for await (const text of stdin.iterator({ destroyOnReturn: false })) {
      const found = read(String(text));
      if (found !== null) return found;
    }
  } finally {
    // Another question may follow.
    stdin.pause();
  }
  throw new QuietEnd('interrupted');
}

/**
 * One line of stdin, or all of it where no line ends.
 * @throws IamTokenError `bad_request` when it is too long
 */
export async function readSecretLine(): Promise<Secret> {
  return new Secret((await readCapped(process.stdin, '\n')).trim());
}

/**
 * All of a stream.
 * @throws IamTokenError `bad_request` when it is too long
 */
export async function readSecret(stream: AsyncIterable<Buffer>): Promise<Secret> {
  return new Secret(await readCapped(stream));
}

/** @param end ends it early, and is no part of it */
async function readCapped(stream: AsyncIterable<Buffer>, end?: string): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    const endsAt = end === undefined ? -1 : piece.indexOf(end);
    const taken = endsAt === -1 ? piece : piece.subarray(0, endsAt);
    pieces.push(taken);
    bytes += taken.length;
    if (bytes > secretAtMostBytes) throw tooLong();
    if (endsAt !== -1) break;
  }
  return Buffer.concat(pieces).toString('utf8');
}

function tooLong(): IamTokenError {
  return usageError(`that is no credential: it has over ${secretAtMostBytes} bytes`);
}

interface HiddenLine {
  readonly state: 'open' | 'done' | 'interrupted' | 'too_long';
  readonly text: string;
}

/**
 * The line that a person types at a terminal in raw mode, where nobody but us handles the keys. What a key like an
 * arrow sends, and the marks around a paste, are left out, and so is what follows the line's end.
 * @param typed all of it so far
 */
export function hiddenLine(typed: string, maxLength: number): HiddenLine {
  // One key: the escape character and what follows it (ECMA-48's control sequences, and keys pressed together with Alt),
  // also where the rest of that is yet to come; or any character.
  const key = new RegExp(String.raw`${escape}(?:\[[0-?]*[ -/]*(?:[@-~]|$)|O?(?:[^\p{Cc}[O]|$))|[^]`, 'gu');
  let text = '';
  for (const [pressed] of typed.matchAll(key)) {
    switch (pressed) {
      case '\r':
      case '\n':
      case '\x04': // Ctrl-D
        return { state: 'done', text };
      case '\x03': // Ctrl-C
        return { state: 'interrupted', text };
      case '\b':
      case '\x7f': // Backspace
        text = Array.from(text).slice(0, -1).join('');
        break;
      case '\x15': // Ctrl-U
      case '\x17': // Ctrl-W
        text = '';
        break;
      default:
        if (/^\P{Cc}/u.test(pressed)) text += pressed;
    }
    if (text.length > maxLength) return { state: 'too_long', text };
  }
  return { state: 'open', text };
}
