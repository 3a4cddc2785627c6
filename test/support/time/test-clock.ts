import type { Alarm, Clock, Instant } from '../../../src/shared/clock.ts';

/** A clock that moves only when the test advances it. */
export interface TestClock extends Clock {
  /** Advances both clocks, and rings the alarms that become due, in order. */
  advance(byMs: number): void;
  /** Moves only the wall clock, and rings all alarms with the jump. */
  jump(byMs: number): void;
}

/** @param startMs initial wall time, in milliseconds since the epoch */
export function createTestClock(startMs = Date.UTC(2026, 10, 24, 12)): TestClock {
  let elapsedMs = 0;
  let jumpedMs = 0;
  const alarms = new Set<{ atMonotonicMs: number | null; readonly ring: (jumpMs: number) => void }>();
  const now = (): Instant => ({ wallMs: startMs + jumpedMs + elapsedMs, monotonicMs: elapsedMs });

  function alarm(ring: (jumpMs: number) => void): Alarm {
    const entry = { atMonotonicMs: null as number | null, ring };
    alarms.add(entry);
    return {
      set: (atMonotonicMs) => void (entry.atMonotonicMs = atMonotonicMs),
      cancel: () => void alarms.delete(entry),
    };
  }

  function fireNextAlarm(untilMs: number): boolean {
    const [next] = [...alarms]
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
    createAlarm: alarm,
    timeoutSignal(delayMs) {
      const controller = new AbortController();
      const endMs = elapsedMs + delayMs;
      const deadlineAlarm = alarm(() => {
        if (elapsedMs < endMs) return;
        deadlineAlarm.cancel();
        controller.abort(new DOMException('the deadline has passed', 'TimeoutError'));
      });
      deadlineAlarm.set(endMs);
      return controller.signal;
    },
    random: () => 0.5,
    advance(byMs) {
      const untilMs = elapsedMs + byMs;
      while (fireNextAlarm(untilMs));
      elapsedMs = untilMs;
    },
    jump(byMs) {
      jumpedMs += byMs;
      for (const { ring } of [...alarms]) ring(byMs);
    },
  };
}
