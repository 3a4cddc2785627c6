/**
 * Terminal output: results to stdout, everything else to stderr. Both are written synchronously to their file
 * descriptors: loading `process.stdout` takes 2 ms. Functions, not a class, so that the bundle that prints a token
 * contains only those it uses.
 */
import { readlinkSync, writeSync } from 'node:fs';
import { settlesWithin } from '../../client/deadline.ts';
import { errorCode, errorReason } from '../../shared/error-utils.ts';
import { SilentExit } from '../cli-errors.ts';
import { escapeControlCharacters } from './escape.ts';

/** Work that takes longer is announced. */
const progressDelayMs = 300;
/** Delay before writing again to a full non-blocking pipe. */
const pipeRetryMs = 5;

const styles = { success: '32', warning: '33', error: '31', bold: '1' } as const;
export type Style = keyof typeof styles;
/** Styles the text if stdout shows colours. */
export type StyleText = (style: Style, text: string) => string;

type Stream = 'stdin' | 'stdout' | 'stderr';

export function isTerminal(stream: Stream): boolean {
  return process.getBuiltinModule('node:tty').isatty(['stdin', 'stdout', 'stderr'].indexOf(stream));
}

/**
 * Prints one line of the result.
 * @throws SilentExit if the reader has closed the pipe
 */
export function print(line: string): void {
  try {
    writeAll(1, `${line}\n`);
  } catch (cause) {
    if (errorCode(cause) === 'EPIPE') throw new SilentExit('broken pipe', { cause });
    throw new Error(`cannot write ${describeOutput()}: ${errorReason(cause)}`, { cause });
  }
}

/** With the path of a file, as far as the system tells it. */
function describeOutput(): string {
  try {
    const path = readlinkSync('/proc/self/fd/1');
    return path.startsWith('/') ? `the output ${path}` : 'the output';
  } catch {
    return 'the output';
  }
}

export function printError(message: string, hint?: string): void {
  printNote(`error: ${message}`, hint);
}

export function printWarning(message: string, hint?: string): void {
  printNote(`warning: ${message}`, hint);
}

export function printNote(text: string, hint?: string): void {
  writeStderr(`iam-token: ${escapeControlCharacters(text)}\n`);
  if (hint !== undefined) printHint(hint);
}

export function printHint(hint: string): void {
  for (const line of hint.split('\n')) writeStderr(`iam-token: hint: ${escapeControlCharacters(line)}\n`);
}

/** On a terminal, shows `waiting for …` while the work takes long, and erases it afterwards. */
export async function withProgress<T>(description: string, work: Promise<T>): Promise<T> {
  if ((await settlesWithin(work, progressDelayMs)) || !isTerminal('stderr')) return work;
  writeStderr(`iam-token: waiting for ${escapeControlCharacters(description)} …`);
  try {
    return await work;
  } finally {
    writeStderr('\r\x1b[K');
  }
}

/** See https://no-color.org. */
export function createStyleText(env: Readonly<Record<string, string | undefined>>): StyleText {
  const { NO_COLOR: noColor = '', TERM: term } = env;
  if (noColor !== '' || term === 'dumb' || !isTerminal('stdout')) return (_, text) => text;
  return (style, text) => `\x1b[${styles[style]}m${text}\x1b[0m`;
}

/** `15:04` today, `2026-11-24 15:04` on any other day; in the local time zone. */
export function formatLocalTime(iso: string, nowMs: number): string {
  const [date, time] = splitLocalTime(new Date(iso));
  const [today] = splitLocalTime(new Date(nowMs));
  return date === today ? time : `${date} ${time}`;
}

function splitLocalTime(time: Date): readonly [date: string, time: string] {
  const twoDigits = (value: number): string => String(value).padStart(2, '0');
  const date = [time.getFullYear(), twoDigits(time.getMonth() + 1), twoDigits(time.getDate())].join('-');
  return [date, `${twoDigits(time.getHours())}:${twoDigits(time.getMinutes())}`];
}

/** The width of the terminal; unlimited if stdout is none. */
export function getOutputColumns(): number {
  return isTerminal('stdout') ? process.stdout.columns || 80 : Infinity;
}

export function writeStderr(text: string): void {
  try {
    writeAll(2, text);
  } catch {
    // stderr is closed: the message has no other place to go.
  }
}

function writeAll(descriptor: 1 | 2, text: string): void {
  let remaining: Uint8Array = Buffer.from(text);
  while (remaining.length > 0) {
    try {
      remaining = remaining.subarray(writeSync(descriptor, remaining));
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pipeRetryMs);
    }
  }
}
