/** What a failed exchange and a sleep make of the next attempt. */
import type { Instant } from '../shared/clock.ts';
import { backoffMs, honouredRetryAfterMs } from './backoff.ts';
import type { ExchangeFailure } from './ports.ts';
import type { Peace, Phase } from './state.ts';
import { partedMs } from './time.ts';

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
      const peace = longerPeace(peaceOf(phase), failure.retryAfterMs, now);
      const backoff = backoffMs(failures, lifeLeftMs, random01);
      return {
        kind: 'backing_off',
        failures,
        endedAtMonotonicMs,
        peace,
        retryAtMonotonicMs: Math.max(endedAtMonotonicMs + backoff, untilMonotonicMs(peace)),
      };
    }
    default:
      return failure.kind satisfies never;
  }
}

/** What is left of the service's wish, while it fails. */
export function peaceOf(phase: Phase): Peace | null {
  return phase.kind === 'backing_off' || phase.kind === 'exchanging' ? phase.peace : null;
}

export function untilMonotonicMs(peace: Peace | null): number {
  return peace === null ? 0 : peace.untilMonotonicMs;
}

function longerPeace(before: Peace | null, retryAfterMs: number | undefined, now: Instant): Peace | null {
  const askedMs = honouredRetryAfterMs(retryAfterMs);
  const untilNowAskedMs = now.monotonicMs + askedMs;
  return askedMs === 0 || untilMonotonicMs(before) > untilNowAskedMs
    ? before
    : { untilMonotonicMs: untilNowAskedMs, since: now };
}

/**
 * Another network, perhaps: what failed before the sleep is tried at once, unless the service asked for more peace
 * than the sleep gave it. A clock that was set back is no sleep.
 */
export function afterSleep(phase: Phase, jumpMs: number, now: Instant): Phase {
  if (jumpMs <= 0 || (phase.kind !== 'backing_off' && phase.kind !== 'exchanging')) return phase;
  const peace = afterSleepOf(phase.peace, now);
  return phase.kind === 'exchanging'
    ? { ...phase, failuresBefore: 0, peace }
    : {
        ...phase,
        failures: 0,
        peace,
        retryAtMonotonicMs: Math.max(now.monotonicMs, untilMonotonicMs(peace)),
      };
}

/** The jump may be older than the wish, and noticed only now: the clocks are compared from the wish on. */
function afterSleepOf(peace: Peace | null, now: Instant): Peace | null {
  if (peace === null) return null;
  const sleptMs = Math.max(partedMs(peace.since, now), 0);
  return { untilMonotonicMs: peace.untilMonotonicMs - sleptMs, since: now };
}
