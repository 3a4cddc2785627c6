import type { Clock } from '../shared/clock.ts';
import type { Log, LogFields, LogLevel } from '../shared/log.ts';

const windowMs = 60_000;
/** Lines of one kind in a window; the rest is counted. */
const maxLinesPerWindow = 30;
/** Kinds that are counted at a time; beyond this number all others share one count. */
const maxKinds = 10_000;

interface Kind {
  readonly level: LogLevel;
  readonly name: string;
  readonly startedMs: number;
  lineCount: number;
}

/** What the lines go to. Those below its level are not counted. */
export interface LimitedLog extends Log {
  isEnabled(level: LogLevel): boolean;
}

/** Limits similar log lines (same text before the first colon, same profile) to 30 a minute and logs how many it dropped. */
export class RepetitionLimit {
  readonly #log: LimitedLog;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #kinds = new Map<string, Kind>();

  constructor(log: LimitedLog, clock: Pick<Clock, 'now'>) {
    this.#log = log;
    this.#clock = clock;
  }

  write(level: LogLevel, message: string, fields?: LogFields): void {
    if (!this.#log.isEnabled(level)) return;
    const nowMs = this.#clock.now().monotonicMs;
    this.#endWindows(nowMs);
    const [head = ''] = message.split(':', 1);
    const ownName = `${head} ${String(fields?.['profile'] ?? '')}`;
    const isKnown = this.#kinds.has(`${level} ${ownName}`);
    const name = isKnown || this.#kinds.size < maxKinds ? ownName : 'other lines';
    const key = `${level} ${name}`;
    const kind = this.#kinds.get(key) ?? { level, name, startedMs: nowMs, lineCount: 0 };
    kind.lineCount += 1;
    this.#kinds.set(key, kind);
    if (kind.lineCount <= maxLinesPerWindow) this.#log.write(level, message, fields);
  }

  /** Writes the numbers of all lines that were not written. */
  flush(): void {
    this.#endWindows(Infinity);
  }

  /** The windows are in the order of their start. */
  #endWindows(nowMs: number): void {
    for (const [key, { level, name, lineCount, startedMs }] of this.#kinds) {
      if (nowMs - startedMs < windowMs) return;
      this.#kinds.delete(key);
      const count = lineCount - maxLinesPerWindow;
      if (count > 0) this.#log.write(level, `suppressed ${count} similar lines: ${name.trim()}`);
    }
  }
}
