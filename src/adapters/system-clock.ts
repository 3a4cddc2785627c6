import type { Alarm, Clock, Instant } from '../shared/clock.ts';

/** A longer timer would not notice that the machine slept or that the clock was set. */
const maxTimerMs = 30_000;
/** Wall and monotonic time that diverge by this much: the machine slept, or the clock was set. */
const jumpThresholdMs = 2_000;

/** The system's clocks. All alarms and timeouts share one timer. */
export function createSystemClock(): Clock {
  const alarms = new AlarmTimer();
  return {
    now,
    createAlarm: (onRing) => alarms.create(onRing),
    timeoutSignal: (delayMs) => createTimeoutSignal(alarms, delayMs),
    random: Math.random,
  };
}

interface AlarmEntry {
  atMonotonicMs: number | null;
  readonly onRing: (jumpMs: number) => void;
}

class AlarmTimer {
  readonly #entries = new Set<AlarmEntry>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires. */
  #timerAtMonotonicMs = Infinity;
  #lastInstant = now();

  create(onRing: (jumpMs: number) => void): Alarm {
    const entry: AlarmEntry = { atMonotonicMs: null, onRing };
    this.#entries.add(entry);
    this.#schedule(Infinity);
    return {
      set: (atMonotonicMs) => {
        entry.atMonotonicMs = atMonotonicMs;
        if (atMonotonicMs !== null && this.#entries.has(entry)) this.#schedule(atMonotonicMs);
      },
      cancel: () => {
        this.#entries.delete(entry);
        if (this.#entries.size > 0) return;
        clearTimeout(this.#timer);
        this.#timerAtMonotonicMs = Infinity;
      },
    };
  }

  /** Sets the timer to `atMonotonicMs`, at most `maxTimerMs` from now, and never later than it is set already. */
  #schedule(atMonotonicMs: number): void {
    const { monotonicMs } = now();
    const delayMs = Math.max(Math.min(atMonotonicMs - monotonicMs, maxTimerMs), 0);
    if (monotonicMs + delayMs >= this.#timerAtMonotonicMs) return;
    this.#timerAtMonotonicMs = monotonicMs + delayMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#wake(), delayMs);
    this.#timer.unref();
  }

  #wake(): void {
    this.#timerAtMonotonicMs = Infinity;
    const { instant, jumpMs } = this.#readClocks();
    const isDue = ({ atMonotonicMs }: AlarmEntry): boolean =>
      atMonotonicMs !== null && atMonotonicMs <= instant.monotonicMs;
    for (const entry of [...this.#entries].filter((entry) => isDue(entry) || jumpMs !== 0)) {
      const isEntryDue = isDue(entry);
      // An alarm that rang before this one may have cancelled or moved it.
      if (!this.#entries.has(entry) || (!isEntryDue && jumpMs === 0)) continue;
      if (isEntryDue) entry.atMonotonicMs = null;
      entry.onRing(jumpMs);
    }
    if (this.#entries.size === 0) return;
    let nextMonotonicMs = Infinity;
    for (const { atMonotonicMs } of this.#entries) {
      nextMonotonicMs = Math.min(nextMonotonicMs, atMonotonicMs ?? Infinity);
    }
    this.#schedule(nextMonotonicMs);
  }

  #readClocks(): { readonly instant: Instant; readonly jumpMs: number } {
    const instant = now();
    const { wallMs, monotonicMs } = this.#lastInstant;
    const driftMs = instant.wallMs - wallMs - (instant.monotonicMs - monotonicMs);
    this.#lastInstant = instant;
    return { instant, jumpMs: Math.abs(driftMs) >= jumpThresholdMs ? driftMs : 0 };
  }
}

function createTimeoutSignal(alarms: AlarmTimer, delayMs: number): AbortSignal {
  const controller = new AbortController();
  const atMonotonicMs = now().monotonicMs + delayMs;
  const alarm = alarms.create(() => {
    if (now().monotonicMs < atMonotonicMs) return alarm.set(atMonotonicMs);
    alarm.cancel();
    controller.abort(new DOMException(`no answer within ${delayMs / 1_000} s`, 'TimeoutError'));
  });
  alarm.set(atMonotonicMs);
  return controller.signal;
}

function now(): Instant {
  // `performance` would load a module of Node at the start.
  return { wallMs: Date.now(), monotonicMs: Number(process.hrtime.bigint()) / 1e6 };
}
