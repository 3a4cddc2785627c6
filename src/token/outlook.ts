/** Questions about a state: none of them changes anything. */
import type { Instant } from '../shared/clock.ts';
import { span } from '../shared/duration.ts';
import type { Problem } from '../shared/errors.ts';
import { budgetWaitMs, type Cause } from './budget.ts';
import { earlyRenewalAtMs, freshness, lifeLeftMs } from './iam-token.ts';
import { untilMonotonicMs } from './retry.ts';
import type { LifecycleState, Phase, TokenRequest } from './state.ts';
import { type TimeSense, trueTimeMs } from './time.ts';

/** A request without a valid token tries anew only when the last attempt ended this long ago. */
const attemptIntervalMs = 5_000;

/**
 * Monotonic time at which `woke` is wanted: for the next renewal, retry or schedule; `null` when nothing is due
 * by itself. It may be in the past.
 */
export function nextWakeAtMonotonicMs(state: LifecycleState, now: Instant): number | null {
  const monotonicOf = (wallMs: number): number => now.monotonicMs + wallMs - now.wallMs;
  const wakes: number[] = [];
  if (state.scheduledAtMs !== null) wakes.push(monotonicOf(state.scheduledAtMs));
  const { phase } = state;
  const budgetAtMonotonicMs = now.monotonicMs + budgetWaitMs(state.attempts, 'due', now.monotonicMs);
  if (phase.kind === 'backing_off') wakes.push(Math.max(phase.retryAtMonotonicMs, budgetAtMonotonicMs));
  if (phase.kind === 'resting') {
    wakes.push(Math.max(now.monotonicMs + untilRenewalMs(state, now), budgetAtMonotonicMs));
  }
  return wakes.length === 0 ? null : Math.min(...wakes);
}

/** Milliseconds until the token in hand is to be renewed, whatever the schedule says; 0 when it is now. */
export function untilRenewalMs({ token, time }: LifecycleState, now: Instant): number {
  const nowMs = trueTimeMs(time, now);
  return token === null || freshness(token, nowMs) !== 'fresh' ? 0 : earlyRenewalAtMs(token) - nowMs;
}

/** What to say about a profile whose renewal does not work; `null` when all is well. */
export function problemNow(state: LifecycleState, now: Instant): Problem | null {
  const { phase, trouble } = state;
  if (phase.kind === 'without_credential' || phase.kind === 'stopped') return phase.problem;
  if (trouble === null) return null;
  const { message, hint } = trouble.failure;
  const hints = [hint, clockHint(state.time)].filter((said) => said !== undefined);
  const said = { message, ...(hints.length === 0 ? {} : { hint: hints.join('; ') }) };
  if (trouble.failure.kind !== 'transient') return { code: 'login_required', ...said };
  return { code: trouble.failure.code ?? 'unavailable', ...said, retryAfterMs: retryAfterMs(state, now) };
}

/** A wrong clock makes good tokens look dead, and what is signed by it is refused. */
function clockHint({ offsetMs }: TimeSense): string | undefined {
  if (offsetMs === 0) return undefined;
  return `this machine's clock is ${span(Math.abs(offsetMs))} ${offsetMs > 0 ? 'behind' : 'ahead'}: set it right`;
}

/** When the next renewal is planned, in milliseconds since the epoch; `null` when none is. */
export function nextRenewalAtMs(state: LifecycleState, now: Instant): number | null {
  const { phase, scheduledAtMs } = state;
  if (phase.kind === 'backing_off') return now.wallMs + phase.retryAtMonotonicMs - now.monotonicMs;
  if (!obeysSchedule(phase)) return null;
  const earlyAtMs = phase.kind === 'refused' ? Infinity : now.wallMs + untilRenewalMs(state, now);
  const next = Math.min(scheduledAtMs ?? Infinity, earlyAtMs);
  return Number.isFinite(next) ? next : null;
}

export function hasLivingToken({ token, time }: LifecycleState, now: Instant): boolean {
  return token !== null && freshness(token, trueTimeMs(time, now)) !== 'expired';
}

export function suffices(state: LifecycleState, { minTtlMs }: TokenRequest, now: Instant): boolean {
  if (state.token === null || !hasLivingToken(state, now)) return false;
  return lifeLeftMs(state.token, trueTimeMs(state.time, now)) >= minTtlMs;
}

/** Milliseconds until an attempt for this cause may start; 0 when it may now. */
export function untilAttemptMs({ phase, attempts }: LifecycleState, cause: Cause, now: Instant): number {
  const budget = budgetWaitMs(attempts, cause, now.monotonicMs);
  if (phase.kind !== 'backing_off') return budget;
  const retry =
    cause === 'request'
      ? Math.max(phase.endedAtMonotonicMs + attemptIntervalMs, untilMonotonicMs(phase.peace))
      : phase.retryAtMonotonicMs;
  return Math.max(budget, retry - now.monotonicMs);
}

/** Why this request gets no token now. */
export function unmet(state: LifecycleState, request: TokenRequest, now: Instant): Problem {
  const { token, time } = state;
  if (token !== null && request.minTtlMs > 0 && hasLivingToken(state, now) && !request.forOutcome) {
    const left = Math.floor(lifeLeftMs(token, trueTimeMs(time, now)) / 1_000);
    const trouble = problemNow(state, now);
    return {
      code: 'unavailable',
      message:
        `the longest token there is lives for ${left} s more, less than the ${request.minTtlMs / 1_000} s asked for` +
        (trouble === null ? '' : `; renewal fails: ${trouble.message}`),
      hint: trouble?.hint ?? 'ask with a smaller --min-ttl',
      retryAfterMs: Math.ceil(Math.max(untilAttemptMs(state, 'min_ttl', now), 1_000)),
    };
  }
  return (
    problemNow(state, now) ?? {
      code: 'unavailable',
      message: 'no valid token, and the budget of exchanges for this hour is used up',
      hint: 'iam-token refresh',
      retryAfterMs: retryAfterMs(state, now),
    }
  );
}

export function retryAfterMs(state: LifecycleState, now: Instant): number {
  return Math.max(Math.ceil(untilAttemptMs(state, 'request', now)), 0);
}

export function obeysSchedule(phase: Phase): boolean {
  return phase.kind === 'resting' || (phase.kind === 'refused' && phase.mayHeal);
}
