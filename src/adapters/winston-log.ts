import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Log, LogFields, LogLevel } from '../shared/log.ts';
import { messageOf } from '../shared/thrown.ts';
import { LogFile } from './log-file.ts';
import { redact } from './redaction.ts';

/** `journal`: one line on stderr with its priority and no time, for systemd adds that. */
export type LogDestination =
  { readonly kind: 'journal' } | { readonly kind: 'folder'; readonly path: string };

export interface WinstonLog extends Log {
  setLevel(level: LogLevel): void;
  /** Writes what is still held back, then ends; what comes later is dropped. */
  close(): Promise<void>;
}

/** systemd's priorities (sd-daemon(3)). */
const priorities: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const fileAtMostBytes = 1024 * 1024;
const filesAtMost = 5;

type Line = { readonly level: LogLevel; readonly message: string };

interface Sink {
  write(line: Line): void;
  end(): Promise<void>;
}

/**
 * winston takes 36 ms to load, as long as Node itself: it comes after the first token was served, and until then
 * lines wait here. A log that cannot be written ends nothing: its lines go to stderr.
 */
export function winstonLog(level: LogLevel, destination: LogDestination): WinstonLog {
  let atLeast = level;
  let waiting: Line[] = [];
  let sink: Sink | undefined;
  let closed: Promise<void> | undefined;
  const ready = open();

  async function open(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    sink = await openSink(destination);
    for (const line of waiting) sink.write(line);
    waiting = [];
  }

  async function end(): Promise<void> {
    await ready;
    await sink?.end();
  }

  return {
    write: (lineLevel, message, fields) => {
      if (closed !== undefined || priorities[lineLevel] > priorities[atLeast]) return;
      const line = { level: lineLevel, message: redact(inOneLine(message, fields)) };
      if (sink === undefined) waiting.push(line);
      else sink.write(line);
    },
    setLevel: (newLevel) => {
      atLeast = newLevel;
    },
    close: () => (closed ??= end()),
  };
}

async function openSink(destination: LogDestination): Promise<Sink> {
  const { default: winston } = await import('winston');
  const { combine, printf, timestamp } = winston.format;
  const toJournal = printf(({ level, message }) => `<${priorities[level as LogLevel]}>${String(message)}`);
  const toFile = printf(({ timestamp: at, level, message }) => `${String(at)} ${level} ${String(message)}`);
  const logger = winston.createLogger({
    levels: priorities,
    level: 'debug',
    transports: [
      destination.kind === 'journal'
        ? new winston.transports.Stream({ stream: stderr(), format: toJournal })
        : new winston.transports.Stream({
            stream: fileStream(join(destination.path, 'iam-tokend.log')),
            format: combine(timestamp(), toFile),
          }),
    ],
  });
  return {
    write: ({ level, message }) => logger.log(level, message),
    end: () =>
      new Promise((resolve) => {
        logger.on('finish', resolve);
        logger.end();
      }),
  };
}

/** Says once that the file cannot be written, and gives each line that it does not take to stderr. */
function fileStream(path: string): Writable {
  const file = new LogFile(path, fileAtMostBytes, filesAtMost);
  let fails = false;
  return new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) => {
      try {
        file.write(line);
        fails = false;
      } catch (error) {
        const reason = messageOf(error);
        if (!fails) stderr().write(`iam-tokend: the log cannot be written: ${reason}\n`);
        fails = true;
        stderr().write(line);
      }
      done();
    },
  });
}

/** A closed one (EPIPE) is no reason to end. */
function stderr(): NodeJS.WriteStream {
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
  return process.stderr;
}

function ignore(): void {
  // There is nobody left to tell.
}

/**
 * `message key=value …`, with escapes for what is no character to be seen: a line stays one line and in its order,
 * whoever wrote it.
 */
function inOneLine(message: string, fields: LogFields = {}): string {
  const said = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? JSON.stringify(value) : String(value)}`);
  return [message, ...said].join(' ').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`;
  });
}
