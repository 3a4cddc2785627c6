/**
 * All manners towards the person and the pipes around us; how a person is asked is in `asking.ts`. Results go to stdout,
 * everything else to stderr. Both are written at once, through their file descriptors: `process.stdout` would cost the
 * way to a token 2 ms. Functions, not a class, so that the bundle of that way holds only those it needs.
 */
import { writeSync } from 'node:fs';
import { later } from '../client/patience.ts';
import { messageOf, systemCodeOf } from '../shared/thrown.ts';
import { QuietEnd } from './endings.ts';
import { visible } from './visible.ts';

/** An answer that takes longer is worth a word about what it is waited for. */
const patientMs = 300;
/** How long a full pipe that does not block is left alone. */
const fullPipeMs = 5;

const styles = { good: '32', doubtful: '33', bad: '31', strong: '1' } as const;
export type Style = keyof typeof styles;
/** Gives the text a style, where colours are wanted. */
export type Paint = (style: Style, text: string) => string;

type Stream = 'stdin' | 'stdout' | 'stderr';

export function isTerminal(stream: Stream): boolean {
  return process.getBuiltinModule('node:tty').isatty(['stdin', 'stdout', 'stderr'].indexOf(stream));
}

/**
 * One line of result.
 * @throws QuietEnd
 */
export function print(line: string): void {
  try {
    writeAll(1, `${line}\n`);
  } catch (cause) {
    if (systemCodeOf(cause) === 'EPIPE') throw new QuietEnd('nobody reads the output', { cause });
    const reason = messageOf(cause);
    throw new Error(`cannot write the output: ${reason}`, { cause });
  }
}

export function printError(message: string, hint?: string): void {
  note(`error: ${message}`, hint);
}

export function printWarning(message: string, hint?: string): void {
  note(`warning: ${message}`, hint);
}

export function note(text: string, hint?: string): void {
  say(`iam-token: ${visible(text)}\n`);
  for (const line of hint?.split('\n') ?? []) say(`iam-token: hint: ${visible(line)}\n`);
}

/** Tells somebody who watches what is waited for, should it take long, and takes that back. */
export async function waiting<T>(what: string, work: Promise<T>): Promise<T> {
  let isSaid = false;
  const keepQuiet = later(patientMs, () => {
    if (!isTerminal('stderr')) return;
    isSaid = true;
    say(`iam-token: waiting for ${visible(what)} …`);
  });
  try {
    return await work;
  } finally {
    keepQuiet();
    if (isSaid) say('\r\x1b[K');
  }
}

/** As https://no-color.org has it. */
export function paintFor(env: Readonly<Record<string, string | undefined>>): Paint {
  const { NO_COLOR: noColor = '', TERM: term } = env;
  if (noColor !== '' || term === 'dumb' || !isTerminal('stdout')) return (_, text) => text;
  return (style, text) => `\x1b[${styles[style]}m${text}\x1b[0m`;
}

/** `2026-11-24 15:04:05`, in the zone of this machine. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/** @returns draws lines over those that its last call drew, as many of them as fit on the screen */
export function drawing(): (lines: readonly string[]) => void {
  let drawnLines = 0;
  return (lines) => {
    const { columns, rows } = process.stdout;
    const shown = lines.slice(0, (rows || 24) - 1).map((line) => cut(line, (columns || 80) - 1));
    const back = drawnLines === 0 ? '' : `\x1b[${drawnLines}A\r\x1b[J`;
    drawnLines = shown.length;
    print(back + shown.join('\n'));
  };
}

export function say(text: string): void {
  try {
    writeAll(2, text);
  } catch {
    // Nobody is there to be told.
  }
}

function writeAll(descriptor: 1 | 2, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (systemCodeOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fullPipeMs);
    }
  }
}

/** The line's first characters, styles not counted. */
function cut(line: string, columns: number): string {
  let left = columns;
  return line
    .split(new RegExp(String.raw`(${'\x1b'}\[\d+m)`))
    .map((part) => {
      if (part.startsWith('\x1b')) return part;
      const characters = Array.from(part).slice(0, left);
      left -= characters.length;
      return characters.join('');
    })
    .join('');
}
