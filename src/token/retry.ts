/** What a failed exchange and a sleep make of the next attempt. */
import type { Instant } from '../shared/clock.ts';
import { backoffMs, honouredRetryAfterMs } from './backoff.ts';
import type { ExchangeFailure } from './ports.ts';
import type { Phase } from './state.ts';

export function afterFailure(
  phase: Phase,
  failure: ExchangeFailure,
  lifeLeftMs: number,
  random01: number,
  now: Instant,
): Phase {
  switch (failure.kind) {
    case 'terminal':
      return { kind: 'refused', mayHeal: failure.mayHeal === true };
    case 'needs_person':
      return { kind: 'needs_person' };
    case 'transient': {
      const failures = (phase.kind === 'exchanging' ? phase.failuresBefore : 0) + 1;
      const endedAtMonotonicMs = now.monotonicMs;
      const notBeforeMonotonicMs = Math.max(
        peaceUntilMonotonicMs(phase),
        endedAtMonotonicMs + honouredRetryAfterMs(failure.retryAfterMs),
      );
      const backoff = backoffMs(failures, lifeLeftMs, random01);
      return {
        kind: 'backing_off',
        failures,
        endedAtMonotonicMs,
        notBeforeMonotonicMs,
        retryAtMonotonicMs: Math.max(endedAtMonotonicMs + backoff, notBeforeMonotonicMs),
      };
    }
    default:
      return failure.kind satisfies never;
  }
}

/** Until when the service asked to be left alone. */
export function peaceUntilMonotonicMs(phase: Phase): number {
  return phase.kind === 'backing_off' || phase.kind === 'exchanging' ? phase.notBeforeMonotonicMs : 0;
}

/**
 * Another network, perhaps: what failed before the sleep is tried at once, unless the service asked for more peace
 * than the sleep gave it. A clock that was set back is no sleep.
 */
export function afterSleep(phase: Phase, sleptMs: number, now: Instant): Phase {
  if (sleptMs <= 0 || (phase.kind !== 'backing_off' && phase.kind !== 'exchanging')) return phase;
  const notBeforeMonotonicMs = phase.notBeforeMonotonicMs - sleptMs;
  return phase.kind === 'exchanging'
    ? { ...phase, failuresBefore: 0, notBeforeMonotonicMs }
    : {
        ...phase,
        failures: 0,
        notBeforeMonotonicMs,
        retryAtMonotonicMs: Math.max(now.monotonicMs, notBeforeMonotonicMs),
      };
}
