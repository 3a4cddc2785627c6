/** Prompts on a terminal, and secrets piped in instead. While a secret is read, no inspector of Node is open. */
import { closeInspector } from '../../adapters/close-inspector.ts';
import type { IamTokenError } from '../../shared/errors.ts';
import { Secret } from '../../shared/secret.ts';
import { SilentExit, usageError } from '../cli-errors.ts';
import { isTerminal, writeStderr } from './terminal.ts';
import { escapeControlCharacters } from './escape.ts';

const maxSecretBytes = 65_536;
const escapeCharacter = '\x1b';
/** Ctrl-Z */
const suspendCharacter = '\x1a';

export function canPrompt(): boolean {
  return isTerminal('stdin') && isTerminal('stderr');
}

/**
 * @param defaultAnswer the meaning of an empty answer
 * @throws SilentExit if the terminal is closed
 */
export async function promptYesNo(message: string, defaultAnswer: 'yes' | 'no'): Promise<boolean> {
  writeStderr(`${escapeControlCharacters(message)} ${defaultAnswer === 'yes' ? '[Y/n]' : '[y/N]'} `);
  const answer = await readKeystrokes((text) => text.trim().toLowerCase());
  return (answer === '' ? defaultAnswer : answer).startsWith('y');
}

/**
 * Prompts for a secret without echo. Ctrl-Z suspends the program; the terminal echoes until it continues.
 * @throws SilentExit on Ctrl-C; IamTokenError `bad_request` if it is too long
 */
export async function promptHidden(message: string): Promise<Secret> {
  closeInspector();
  let input = '';
  process.stdin.setRawMode(true);
  // Whatever stopped the program, a shell may have let the terminal echo since.
  process.on('SIGCONT', hideInput);
  writeStderr(message);
  try {
    return await readKeystrokes((text) => {
      input += text;
      let line = parseHiddenLine(input, maxSecretBytes);
      while (line.state === 'suspended') {
        input = input.replace(suspendCharacter, '');
        suspend(message);
        line = parseHiddenLine(input, maxSecretBytes);
      }
      if (line.state === 'interrupted') throw new SilentExit('interrupted');
      if (line.state === 'too_long') throw secretTooLongError();
      return line.state === 'done' ? new Secret(line.text.trim()) : null;
    });
  } finally {
    process.off('SIGCONT', hideInput);
    process.stdin.setRawMode(false);
    writeStderr('\n');
  }
}

function hideInput(): void {
  // Node does nothing if it believes that the mode is set.
  process.stdin.setRawMode(false);
  process.stdin.setRawMode(true);
}

/** Stops this program and the others of its job, as the terminal does for Ctrl-Z outside raw mode. */
function suspend(message: string): void {
  if (process.platform === 'win32') return;
  process.stdin.setRawMode(false);
  writeStderr('\n');
  process.kill(0, 'SIGTSTP');
  // The program continues here. Without job control it has not stopped, and SIGCONT never comes.
  process.stdin.setRawMode(true);
  writeStderr(message);
}

/** @returns the first result of `parse` that is not null; it gets each chunk of input */
async function readKeystrokes<T>(parse: (text: string) => T | null): Promise<T> {
  const { stdin } = process;
  stdin.setEncoding('utf8');
  try {
    for await (const text of stdin.iterator({ destroyOnReturn: false })) {
      const result = parse(String(text));
      if (result !== null) return result;
    }
  } finally {
    // Another prompt may follow.
    stdin.pause();
  }
  throw new SilentExit('interrupted');
}

/**
 * The first line of stdin.
 * @throws IamTokenError `bad_request` if it is too long
 */
export async function readSecretLine(): Promise<Secret> {
  return new Secret((await readCapped(process.stdin, '\n')).trim());
}

/**
 * The whole stream.
 * @throws IamTokenError `bad_request` if it is too long
 */
export async function readSecret(stream: AsyncIterable<Buffer>): Promise<Secret> {
  return new Secret(await readCapped(stream));
}

/** @param delimiter ends the input, and is not part of it */
async function readCapped(stream: AsyncIterable<Buffer>, delimiter?: string): Promise<string> {
  closeInspector();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const delimiterIndex = delimiter === undefined ? -1 : chunk.indexOf(delimiter);
    const usedPart = delimiterIndex === -1 ? chunk : chunk.subarray(0, delimiterIndex);
    chunks.push(usedPart);
    bytes += usedPart.length;
    if (bytes > maxSecretBytes) throw secretTooLongError();
    if (delimiterIndex !== -1) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function secretTooLongError(): IamTokenError {
  return usageError(`the credential is too long: over ${maxSecretBytes} bytes`);
}

interface HiddenLine {
  readonly state: 'open' | 'done' | 'interrupted' | 'suspended' | 'too_long';
  readonly text: string;
}

/**
 * The line typed so far on a terminal in raw mode, where the kernel does not edit it. Sequences of arrow and function
 * keys, paste markers and everything after the end of the line are dropped.
 * @param input everything typed so far
 */
export function parseHiddenLine(input: string, maxLength: number): HiddenLine {
  // One key: an escape sequence (ECMA-48 control sequences, or Alt and a key), even an incomplete one; or a character.
  const keystrokePattern = new RegExp(
    String.raw`${escapeCharacter}(?:\[[0-?]*[ -/]*(?:[@-~]|$)|O?(?:[^\p{Cc}[O]|$))|[^]`,
    'gu',
  );
  let text = '';
  for (const [keystroke] of input.matchAll(keystrokePattern)) {
    switch (keystroke) {
      case '\r':
      case '\n':
      case '\x04': // Ctrl-D
        return { state: 'done', text };
      case '\x03': // Ctrl-C
        return { state: 'interrupted', text };
      case suspendCharacter:
        return { state: 'suspended', text };
      case '\b':
      case '\x7f': // Backspace
        text = Array.from(text).slice(0, -1).join('');
        break;
      case '\x15': // Ctrl-U
      case '\x17': // Ctrl-W
        text = '';
        break;
      default:
        if (/^\P{Cc}/u.test(keystroke)) text += keystroke;
    }
    if (text.length > maxLength) return { state: 'too_long', text };
  }
  return { state: 'open', text };
}
