import type { Clock } from '../../src/shared/clock.ts';

/** Time as it passes; an alarm rings only when it is due. */
export function realClock(): Clock {
  const monotonicMs = (): number => performance.now();
  return {
    now: () => ({ wallMs: Date.now(), monotonicMs: monotonicMs() }),
    alarm(ring) {
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
    deadline: (delayMs) => AbortSignal.timeout(delayMs),
    random: () => Math.random(),
  };
}
