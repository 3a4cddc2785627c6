/** The time of the next attempt and of the next look at the service, after a failure and after sleep. */
import type { Instant } from '../shared/clock.ts';
import { backoffMs, clampRetryAfterMs } from './backoff.ts';
import type { ExchangeFailure } from './token-source.ts';
import type { BackingOff, LifecycleState, Phase, RetryAfter } from './state.ts';
import { clockSkewMs } from './clock-estimate.ts';

const probeIntervalMs = 5_000;
/** A rejected request counts as waiting for this long: its client repeats it. */
const waitingMs = 2 * 60_000;
/** The longest time from a failure to the next retry while requests wait. */
const maxRetryDelayMs = 105_000;

export function phaseAfterFailure(
  phase: Phase,
  failure: ExchangeFailure,
  timeLeftMs: number,
  random01: number,
  now: Instant,
): Phase {
  switch (failure.kind) {
    case 'terminal':
      return { kind: 'credential_rejected', retryOnSchedule: failure.retryOnSchedule === true };
    case 'interaction_required':
      // The phase says who may try again, not why the exchange failed.
      return failure.retryOnSchedule === true
        ? { kind: 'credential_rejected', retryOnSchedule: true }
        : { kind: 'interaction_required' };
    case 'transient': {
      const failures = (phase.kind === 'exchanging' ? phase.previousFailures : 0) + 1;
      const endedAtMonotonicMs = now.monotonicMs;
      const retryAfter = laterRetryAfter(retryAfterOf(phase), failure.retryAfterMs, now);
      const delayMs = backoffMs(failures, timeLeftMs, random01);
      return {
        kind: 'backing_off',
        failures,
        endedAtMonotonicMs,
        retryAfter,
        retryAtMonotonicMs: Math.max(endedAtMonotonicMs + delayMs, notBeforeMonotonicMs(retryAfter)),
      };
    }
    default:
      return failure.kind satisfies never;
  }
}

/** When the daemon tries again by itself. */
export function retryAtMonotonicMs(state: LifecycleState, phase: BackingOff): number {
  const soonAtMonotonicMs = Math.max(
    phase.endedAtMonotonicMs + maxRetryDelayMs,
    notBeforeMonotonicMs(phase.retryAfter),
  );
  return isRequestWaiting(state, soonAtMonotonicMs)
    ? Math.min(phase.retryAtMonotonicMs, soonAtMonotonicMs)
    : phase.retryAtMonotonicMs;
}

/** When to look at the service next; `null` if no request waits. */
export function nextProbeAtMonotonicMs(state: LifecycleState): number | null {
  const { phase, probe } = state;
  if (phase.kind !== 'backing_off' || probe === null) return null;
  const atMonotonicMs = Math.max(
    probe.atMonotonicMs + probeIntervalMs,
    phase.endedAtMonotonicMs,
    notBeforeMonotonicMs(phase.retryAfter),
  );
  return isRequestWaiting(state, atMonotonicMs) ? atMonotonicMs : null;
}

function isRequestWaiting({ rejectedAtMonotonicMs }: LifecycleState, atMonotonicMs: number): boolean {
  return rejectedAtMonotonicMs !== null && atMonotonicMs <= rejectedAtMonotonicMs + waitingMs;
}

export function retryAfterOf(phase: Phase): RetryAfter | null {
  return phase.kind === 'backing_off' || phase.kind === 'exchanging' ? phase.retryAfter : null;
}

export function notBeforeMonotonicMs(retryAfter: RetryAfter | null): number {
  return retryAfter === null ? 0 : retryAfter.notBeforeMonotonicMs;
}

function laterRetryAfter(
  current: RetryAfter | null,
  retryAfterMs: number | undefined,
  now: Instant,
): RetryAfter | null {
  const requestedDelayMs = clampRetryAfterMs(retryAfterMs);
  const requestedNotBeforeMs = now.monotonicMs + requestedDelayMs;
  return requestedDelayMs === 0 || notBeforeMonotonicMs(current) > requestedNotBeforeMs
    ? current
    : { notBeforeMonotonicMs: requestedNotBeforeMs, since: now };
}

/**
 * Sleep resets the backoff, as the network may be another; only a `Retry-After` longer than the sleep still applies.
 * @param jumpMs 0 or less if the machine did not sleep
 */
export function phaseAfterSleep(phase: Phase, jumpMs: number, now: Instant): Phase {
  if (jumpMs <= 0 || (phase.kind !== 'backing_off' && phase.kind !== 'exchanging')) return phase;
  const retryAfter = retryAfterFollowingSleep(phase.retryAfter, now);
  return phase.kind === 'exchanging'
    ? { ...phase, previousFailures: 0, retryAfter }
    : phaseWithRetryNow({ ...phase, retryAfter }, now);
}

/** Ends the backoff, except for a `Retry-After`. */
export function phaseWithRetryNow(phase: Phase, now: Instant): Phase {
  if (phase.kind !== 'backing_off') return phase;
  const retryAtMonotonicMs = Math.max(now.monotonicMs, notBeforeMonotonicMs(phase.retryAfter));
  return { ...phase, failures: 0, retryAtMonotonicMs };
}

/** Part of the sleep may have been before the `Retry-After`, so the clocks are compared from then on. */
function retryAfterFollowingSleep(retryAfter: RetryAfter | null, now: Instant): RetryAfter | null {
  if (retryAfter === null) return null;
  const sleepMs = Math.max(clockSkewMs(retryAfter.since, now), 0);
  return { notBeforeMonotonicMs: retryAfter.notBeforeMonotonicMs - sleepMs, since: now };
}
