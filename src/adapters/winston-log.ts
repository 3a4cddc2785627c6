import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Log, LogFields, LogLevel } from '../shared/log.ts';
import { redact } from './redaction.ts';

/** `journal`: one line on stderr with its priority and no time, for systemd adds that. */
export type LogDestination =
  { readonly kind: 'journal' } | { readonly kind: 'folder'; readonly path: string };

export interface WinstonLog extends Log {
  setLevel(level: LogLevel): void;
  /** Writes what is still held back, then ends; within the time that the disk takes. */
  close(): Promise<void>;
}

/** systemd's priorities (sd-daemon(3)). */
const priorities: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const fileAtMostBytes = 1024 * 1024;
const filesAtMost = 5;

type Line = { readonly level: LogLevel; readonly message: string };

/**
 * winston takes 36 ms to load, as long as Node itself: it comes after the first token was served, and until then
 * lines wait here.
 */
export function winstonLog(level: LogLevel, destination: LogDestination): WinstonLog {
  let atLeast = level;
  let waiting: Line[] = [];
  let sink: { write(line: Line): void; end(): Promise<void> } | undefined;
  const ready = new Promise<void>((resolve) => setImmediate(resolve))
    .then(() => openSink(destination))
    .then((opened) => {
      sink = opened;
      for (const line of waiting) opened.write(line);
      waiting = [];
    });

  return {
    write: (lineLevel, message, fields) => {
      if (priorities[lineLevel] > priorities[atLeast]) return;
      const line = { level: lineLevel, message: redact(inOneLine(message, fields)) };
      if (sink === undefined) waiting.push(line);
      else sink.write(line);
    },
    setLevel: (newLevel) => {
      atLeast = newLevel;
    },
    close: async () => {
      await ready;
      await sink?.end();
    },
  };
}

async function openSink(
  destination: LogDestination,
): Promise<{ write(line: Line): void; end(): Promise<void> }> {
  const { default: winston } = await import('winston');
  const { combine, printf, timestamp } = winston.format;
  const logger = winston.createLogger({
    levels: priorities as Record<LogLevel, number>,
    level: 'debug',
    transports: [transport()],
  });
  return {
    write: ({ level, message }) => logger.log(level, message),
    end: () =>
      new Promise((resolve) => {
        logger.on('finish', resolve);
        logger.end();
      }),
  };

  function transport():
    InstanceType<typeof winston.transports.File> | InstanceType<typeof winston.transports.Stream> {
    if (destination.kind === 'journal') {
      return new winston.transports.Stream({
        stream: process.stderr,
        format: printf(({ level, message }) => `<${priorities[level as LogLevel]}>${String(message)}`),
      });
    }
    mkdirSync(destination.path, { recursive: true, mode: 0o700 });
    return new winston.transports.File({
      filename: join(destination.path, 'iam-tokend.log'),
      maxsize: fileAtMostBytes,
      maxFiles: filesAtMost,
      tailable: true,
      options: { flags: 'a', mode: 0o600 },
      format: combine(
        timestamp(),
        printf(({ timestamp: at, level, message }) => `${String(at)} ${level} ${String(message)}`),
      ),
    });
  }
}

/** `message key=value …`, with control characters as escapes: a line stays one line, whoever wrote it. */
function inOneLine(message: string, fields: LogFields = {}): string {
  const said = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? JSON.stringify(value) : String(value)}`);
  return [message, ...said].join(' ').replace(/\p{Cc}/gu, (character) => {
    const code = character.charCodeAt(0);
    return `\\x${code.toString(16).padStart(2, '0')}`;
  });
}
