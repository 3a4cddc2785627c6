import { once } from 'node:events';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Logger } from 'winston';
import type { Log, LogFields, LogLevel } from '../shared/log.ts';
import { messageOf } from '../shared/thrown.ts';
import { logFile } from './log-file.ts';
import { redact } from './redaction.ts';

export interface WinstonLog extends Log {
  setLevel(level: LogLevel): void;
  /** Writes what is still held back, then ends; what comes later is dropped. */
  close(): Promise<void>;
}

/** systemd's priorities (sd-daemon(3)). */
const priorities: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const fileAtMostBytes = 1024 * 1024;
const filesAtMost = 5;

/**
 * winston takes 36 ms to load, as long as Node itself: it comes after the first token was served, and until then
 * lines wait here. A log that cannot be written ends nothing: its lines go to stderr.
 * @param folder `null`: each line goes to stderr with its priority and no time, for systemd's journal, which adds that
 */
export function winstonLog(level: LogLevel, folder: string | null): WinstonLog {
  let atLeast = level;
  const waiting: { readonly level: LogLevel; readonly message: string }[] = [];
  let logger: Logger | undefined;
  let closed: Promise<void> | undefined;
  const ready = open();

  async function open(): Promise<Logger> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const loaded = await loadLogger(folder);
    for (const line of waiting) loaded.log(line);
    logger = loaded;
    return loaded;
  }

  async function end(): Promise<void> {
    const loaded = await ready;
    const finished = once(loaded, 'finish');
    loaded.end();
    await finished;
  }

  return {
    write: (lineLevel, message, fields) => {
      if (closed !== undefined || priorities[lineLevel] > priorities[atLeast]) return;
      const line = { level: lineLevel, message: redact(inOneLine(message, fields)) };
      if (logger === undefined) waiting.push(line);
      else logger.log(line);
    },
    setLevel: (newLevel) => {
      atLeast = newLevel;
    },
    close: () => (closed ??= end()),
  };
}

async function loadLogger(folder: string | null): Promise<Logger> {
  const { default: winston } = await import('winston');
  const { combine, printf, timestamp } = winston.format;
  const toJournal = printf(({ level, message }) => `<${priorities[level as LogLevel]}>${String(message)}`);
  const toFile = printf(({ timestamp: at, level, message }) => `${String(at)} ${level} ${String(message)}`);
  const way =
    folder === null
      ? { stream: stderr(), format: toJournal }
      : { stream: fileStream(join(folder, 'iam-tokend.log')), format: combine(timestamp(), toFile) };
  return winston.createLogger({
    levels: priorities,
    level: 'debug',
    transports: [new winston.transports.Stream(way)],
  });
}

/** Says once that the file cannot be written, and gives each line that it does not take to stderr. */
function fileStream(path: string): Writable {
  const writeLine = logFile(path, fileAtMostBytes, filesAtMost);
  let fails = false;
  return new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) => {
      try {
        writeLine(line);
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
