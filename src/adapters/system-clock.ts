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
  let last = now();

  function wake(): void {
    const read = now();
    const jumped = read.wallMs - last.wallMs - (read.monotonicMs - last.monotonicMs);
    last = read;
    const seenJumpMs = Math.abs(jumped) >= jumpMs ? jumped : 0;
    for (const entry of [...rings]) {
      const due = entry.atMonotonicMs !== null && entry.atMonotonicMs <= read.monotonicMs;
      if (due) entry.atMonotonicMs = null;
      if (due || seenJumpMs !== 0) entry.ring(seenJumpMs);
    }
    plan();
  }

  function plan(): void {
    clearTimeout(timer);
    if (rings.size === 0) return;
    const { monotonicMs } = now();
    const due = Math.min(...[...rings].map(({ atMonotonicMs }) => atMonotonicMs ?? Infinity));
    timer = setTimeout(wake, Math.max(Math.min(due - monotonicMs, longestTimerMs), 0));
    timer.unref();
  }

  function alarm(ring: (jumpMs: number) => void): Alarm {
    const entry: Ring = { atMonotonicMs: null, ring };
    rings.add(entry);
    plan();
    return {
      set: (atMonotonicMs) => {
        entry.atMonotonicMs = atMonotonicMs;
        plan();
      },
      cancel: () => {
        rings.delete(entry);
        plan();
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
