import type { Alarm, Clock, Instant } from '../shared/clock.ts';

/** No timer is longer: a longer one sleeps through the machine's sleep and through a clock that is set. */
const longestTimerMs = 30_000;
/** Wall and monotonic time that part by this much were parted by sleep or by somebody who set the clock. */
const jumpMs = 2_000;

interface Ring {
  atMonotonicMs: number | null;
  readonly ring: (jumpMs: number) => void;
}

/** The machine's own clocks, and the only timer there is: all alarms and deadlines share it. */
export function systemClock(): Clock {
  const rings = new Set<Ring>();
  let timer: NodeJS.Timeout | undefined;
  /** When it goes off. */
  let timerAtMonotonicMs = Infinity;
  let last = now();

  function wake(): void {
    timerAtMonotonicMs = Infinity;
    const read = now();
    const jumped = read.wallMs - last.wallMs - (read.monotonicMs - last.monotonicMs);
    last = read;
    const seenJumpMs = Math.abs(jumped) >= jumpMs ? jumped : 0;
    const isDue = ({ atMonotonicMs }: Ring): boolean =>
      atMonotonicMs !== null && atMonotonicMs <= read.monotonicMs;
    for (const entry of [...rings].filter((entry) => isDue(entry) || seenJumpMs !== 0)) {
      const due = isDue(entry);
      // One that rang before may have cancelled or moved this one.
      if (!rings.has(entry) || (!due && seenJumpMs === 0)) continue;
      if (due) entry.atMonotonicMs = null;
      entry.ring(seenJumpMs);
    }
    if (rings.size === 0) return;
    let next = Infinity;
    for (const { atMonotonicMs } of rings) next = Math.min(next, atMonotonicMs ?? Infinity);
    wakeBy(next);
  }

  /** At most `longestTimerMs` from now, and no later than was wanted before. */
  function wakeBy(atMonotonicMs: number): void {
    const { monotonicMs } = now();
    const delayMs = Math.max(Math.min(atMonotonicMs - monotonicMs, longestTimerMs), 0);
    if (monotonicMs + delayMs >= timerAtMonotonicMs) return;
    timerAtMonotonicMs = monotonicMs + delayMs;
    clearTimeout(timer);
    timer = setTimeout(wake, delayMs);
    timer.unref();
  }

  function alarm(ring: (jumpMs: number) => void): Alarm {
    const entry: Ring = { atMonotonicMs: null, ring };
    rings.add(entry);
    wakeBy(Infinity);
    return {
      set: (atMonotonicMs) => {
        entry.atMonotonicMs = atMonotonicMs;
        if (atMonotonicMs !== null && rings.has(entry)) wakeBy(atMonotonicMs);
      },
      cancel: () => {
        rings.delete(entry);
        if (rings.size > 0) return;
        clearTimeout(timer);
        timerAtMonotonicMs = Infinity;
      },
    };
  }

  function deadline(delayMs: number): AbortSignal {
    const controller = new AbortController();
    const atMonotonicMs = now().monotonicMs + delayMs;
    const entry = alarm(() => {
      if (now().monotonicMs < atMonotonicMs) return entry.set(atMonotonicMs);
      entry.cancel();
      controller.abort(new DOMException(`no answer within ${delayMs / 1_000} s`, 'TimeoutError'));
    });
    entry.set(atMonotonicMs);
    return controller.signal;
  }

  return { now, alarm, deadline, random: Math.random };
}

function now(): Instant {
  return { wallMs: Date.now(), monotonicMs: performance.now() };
}
