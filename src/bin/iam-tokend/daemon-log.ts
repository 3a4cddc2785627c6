import { createWinstonLog, type WinstonLog } from '../../adapters/winston-log.ts';
import { escapeControlCharacters } from '../../cli/terminal/escape.ts';
import { RepetitionLimit } from '../../daemon/repetition-limit.ts';
import { type Clock, sleep } from '../../shared/clock.ts';
import type { LogLevel } from '../../shared/log.ts';
import { isStderrJournal } from './journal.ts';

export interface DaemonLog extends WinstonLog {
  /** To the log, and to a terminal. */
  warn(warning: string): void;
}

/** The log is opened when the first requests, which may have waited for the start, have been answered. */
const openDelayMs = 250;

/** @param folder for log files, unless the journal takes the log */
export function openDaemonLog(
  level: LogLevel,
  folder: string,
  clock: Pick<Clock, 'now' | 'timeoutSignal'>,
): DaemonLog {
  const log = createWinstonLog(level, isStderrJournal() ? null : folder, sleep(clock, openDelayMs));
  const limit = new RepetitionLimit(log, clock);
  return {
    ...log,
    write: (lineLevel, message, fields) => limit.write(lineLevel, message, fields),
    close: () => {
      limit.flush();
      return log.close();
    },
    warn: (warning) => {
      if (!isStderrJournal()) writeStderr(`warning: ${warning}`);
      log.write('warn', warning);
    },
  };
}

export function writeStderr(text: string): void {
  process.stderr.write(`iam-tokend: ${escapeControlCharacters(text)}\n`);
}
