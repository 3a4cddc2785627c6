import type { Alarm, Clock, Instant } from '../../src/shared/clock.ts';

/** A clock that stands still until it is told to go on. */
export interface TestClock extends Clock {
  /** Time goes by on both clocks; whatever falls due on the way rings, in order. */
  advance(byMs: number): void;
  /** The wall clock alone goes on by so much, or back: all alarms ring, and are told. */
  jump(byMs: number): void;
}

/** @param startMs wall time to begin with, in milliseconds since the epoch */
export function testClock(startMs = Date.UTC(2026, 10, 24, 12)): TestClock {
  let elapsedMs = 0;
  let jumpedMs = 0;
  const rings = new Set<{ atMonotonicMs: number | null; readonly ring: (jumpMs: number) => void }>();
  const now = (): Instant => ({ wallMs: startMs + jumpedMs + elapsedMs, monotonicMs: elapsedMs });

  function alarm(ring: (jumpMs: number) => void): Alarm {
    const entry = { atMonotonicMs: null as number | null, ring };
    rings.add(entry);
    return {
      set: (atMonotonicMs) => void (entry.atMonotonicMs = atMonotonicMs),
      cancel: () => void rings.delete(entry),
    };
  }

  function ringNext(untilMs: number): boolean {
    const [next] = [...rings]
      .filter(({ atMonotonicMs }) => atMonotonicMs !== null && atMonotonicMs <= untilMs)
      .toSorted((a, b) => Number(a.atMonotonicMs) - Number(b.atMonotonicMs));
    if (next === undefined) return false;
    elapsedMs = Math.max(elapsedMs, Number(next.atMonotonicMs));
    next.atMonotonicMs = null;
    next.ring(0);
    return true;
  }

  return {
    now,
    alarm,
    deadline(delayMs) {
      const controller = new AbortController();
      const endMs = elapsedMs + delayMs;
      const expiry = alarm(() => {
        if (elapsedMs < endMs) return;
        expiry.cancel();
        controller.abort(new DOMException('the deadline has passed', 'TimeoutError'));
      });
      expiry.set(endMs);
      return controller.signal;
    },
    random: () => 0.5,
    advance(byMs) {
      const untilMs = elapsedMs + byMs;
      while (ringNext(untilMs));
      elapsedMs = untilMs;
    },
    jump(byMs) {
      jumpedMs += byMs;
      for (const { ring } of [...rings]) ring(byMs);
    },
  };
}
