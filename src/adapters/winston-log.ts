import { once } from 'node:events';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Logger } from 'winston';
import type { Log, LogFields, LogLevel } from '../shared/log.ts';
import { errorReason } from '../shared/error-utils.ts';
import { createLogFileWriter } from './log-file-writer.ts';
import { redact } from './redact.ts';
import { createStderrLines } from './stderr-lines.ts';

export interface WinstonLog extends Log {
  setLevel(level: LogLevel): void;
  /** Whether lines of this level are written. */
  isEnabled(level: LogLevel): boolean;
  /** Writes the pending lines and closes the log; later lines are dropped. */
  close(): Promise<void>;
}

/** systemd's priorities (sd-daemon(3)). */
const priorities: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const maxFileBytes = 1024 * 1024;
const maxFiles = 5;

/**
 * winston takes 20 ms to load, half as long as Node itself: it is loaded after the start, and lines are queued until then.
 * If the log cannot be written, its lines go to stderr.
 * @param folder `null` for systemd's journal: lines go to stderr with a priority, and the journal adds the time
 * @param started when winston is loaded, unless an error or `close` comes first; default: in the next turn
 */
export function createWinstonLog(
  level: LogLevel,
  folder: string | null,
  started: Promise<void> = new Promise((resolve) => setImmediate(resolve)),
): WinstonLog {
  let minLevel = level;
  const pendingLines: { readonly level: LogLevel; readonly message: string }[] = [];
  let logger: Logger | undefined;
  let closing: Promise<void> | undefined;
  let loadNow = (): void => {};
  const loadRequested = new Promise<void>((resolve) => (loadNow = resolve));
  const loggerReady = openLogger();

  async function openLogger(): Promise<Logger> {
    await Promise.race([started, loadRequested]);
    const loadedLogger = await loadLogger(folder);
    for (const line of pendingLines) loadedLogger.log(line);
    logger = loadedLogger;
    return loadedLogger;
  }

  async function closeLogger(): Promise<void> {
    loadNow();
    const loadedLogger = await loggerReady;
    const finished = once(loadedLogger, 'finish');
    loadedLogger.end();
    await finished;
  }

  const isEnabled = (lineLevel: LogLevel): boolean => priorities[lineLevel] <= priorities[minLevel];

  return {
    isEnabled,
    write: (lineLevel, message, fields) => {
      if (closing !== undefined || !isEnabled(lineLevel)) return;
      const line = { level: lineLevel, message: redact(formatLine(message, fields)) };
      if (logger === undefined) pendingLines.push(line);
      else logger.log(line);
      if (lineLevel === 'error') loadNow();
    },
    setLevel: (newLevel) => {
      minLevel = newLevel;
    },
    close: () => (closing ??= closeLogger()),
  };
}

async function loadLogger(folder: string | null): Promise<Logger> {
  const noticeStart = folder === null ? `<${priorities.warn}>` : 'iam-tokend: ';
  const writeStderrLine = createStderrLines(
    getStderr(),
    (count) => `${noticeStart}dropped ${count} log lines: stderr was not read`,
  );
  const { default: winston } = await import('winston');
  const { combine, printf, timestamp } = winston.format;
  const journalFormat = printf(
    ({ level, message }) => `<${priorities[level as LogLevel]}>${String(message)}`,
  );
  const fileFormat = printf(
    ({ timestamp: at, level, message }) => `${String(at)} ${level} ${String(message)}`,
  );
  const transportOptions =
    folder === null
      ? { stream: createLineStream(writeStderrLine), format: journalFormat }
      : {
          stream: createLineStream(createFileLines(join(folder, 'iam-tokend.log'), writeStderrLine)),
          format: combine(timestamp(), fileFormat),
        };
  return winston.createLogger({
    levels: priorities,
    level: 'debug',
    transports: [new winston.transports.Stream(transportOptions)],
  });
}

/** Lines that cannot be written go to stderr; the first of them is preceded by the reason. */
function createFileLines(path: string, writeStderrLine: (line: string) => void): (line: string) => void {
  const writeLine = createLogFileWriter(path, maxFileBytes, maxFiles);
  let isFailing = false;
  return (line) => {
    try {
      writeLine(line);
      isFailing = false;
    } catch (error) {
      const reason = errorReason(error);
      if (!isFailing) writeStderrLine(`iam-tokend: cannot write the log ${path}: ${reason}\n`);
      isFailing = true;
      writeStderrLine(line);
    }
  };
}

/** A stream that never waits, so that winston keeps no lines in memory. */
function createLineStream(writeLine: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) => {
      writeLine(line);
      done();
    },
  });
}

/** Writing to a closed terminal (EPIPE) must not end the daemon. */
function getStderr(): NodeJS.WriteStream {
  if (!process.stderr.listeners('error').includes(ignoreError)) process.stderr.on('error', ignoreError);
  return process.stderr;
}

function ignoreError(): void {
  // No other output is left.
}

/** `message key=value …`. Control and format characters are escaped, so that foreign text cannot forge a line. */
function formatLine(message: string, fields: LogFields = {}): string {
  const fieldTexts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? JSON.stringify(value) : String(value)}`);
  return [message, ...fieldTexts].join(' ').replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`;
  });
}
