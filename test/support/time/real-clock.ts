import type { Clock } from '../../../src/shared/clock.ts';

/** A clock on real time, without detection of jumps. */
export function createRealClock(): Clock {
  const monotonicMs = (): number => performance.now();
  return {
    now: () => ({ wallMs: Date.now(), monotonicMs: monotonicMs() }),
    createAlarm(ring) {
      let timer: NodeJS.Timeout | undefined;
      return {
        set(atMonotonicMs) {
          clearTimeout(timer);
          if (atMonotonicMs !== null) timer = setTimeout(() => ring(0), atMonotonicMs - monotonicMs());
        },
        cancel() {
          clearTimeout(timer);
        },
      };
    },
    timeoutSignal: (delayMs) => AbortSignal.timeout(delayMs),
    random: () => Math.random(),
  };
}
