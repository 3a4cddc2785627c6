/** Reads of a state: what is due, and what to tell requests and `status`. */
import type { Instant } from '../shared/clock.ts';
import { formatTimeSpan } from '../shared/duration.ts';
import type { Problem } from '../shared/errors.ts';
import { joinHints } from '../shared/hint.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';
import { budgetWaitMs, type ExchangeTrigger } from './budget.ts';
import { type ClockEstimate, trueTimeMs } from './clock-estimate.ts';
import { nextProbeAtMonotonicMs, notBeforeMonotonicMs, retryAtMonotonicMs } from './retry.ts';
import type { LifecycleState, Phase } from './state.ts';
import { earlyRenewalAtMs, freshnessOf, isValidFor, timeLeftMs } from './token.ts';
import type { TokenRequest } from './waiting-requests.ts';

/** A request without a valid token starts an attempt only if the last one ended this long ago. */
const minAttemptIntervalMs = 5_000;

/**
 * Monotonic time at which the lifecycle needs `timer_fired`, for a renewal, a retry or the schedule; it may be in the
 * past. `null` if nothing happens without a request or a login.
 */
export function nextWakeAtMonotonicMs(state: LifecycleState, now: Instant): number | null {
  const monotonicOf = (wallMs: number): number => now.monotonicMs + wallMs - now.wallMs;
  const wakes: number[] = [];
  if (state.scheduledAtMs !== null) wakes.push(monotonicOf(state.scheduledAtMs));
  const { phase } = state;
  const budgetAtMonotonicMs = now.monotonicMs + budgetWaitMs(state.attempts, 'renewal', now.monotonicMs);
  if (phase.kind === 'backing_off') {
    wakes.push(Math.max(retryAtMonotonicMs(state, phase), budgetAtMonotonicMs));
    wakes.push(nextProbeAtMonotonicMs(state) ?? Infinity);
  }
  if (phase.kind === 'idle') {
    wakes.push(Math.max(now.monotonicMs + renewalWaitMs(state, now), budgetAtMonotonicMs));
  }
  if (wakes.length === 0) return null;
  const wake = Math.min(...wakes);
  return isBeforeTurn(state, now) ? Math.max(wake, state.renewNotBeforeMonotonicMs) : wake;
}

/** Whether background renewals wait for the turn of this profile. */
export function isBeforeTurn({ renewNotBeforeMonotonicMs }: LifecycleState, now: Instant): boolean {
  return now.monotonicMs < renewNotBeforeMonotonicMs;
}

/** Milliseconds until the token needs a renewal, whatever the schedule; 0 if it needs one now. */
export function renewalWaitMs({ token, clockEstimate }: LifecycleState, now: Instant): number {
  const nowMs = trueTimeMs(clockEstimate, now);
  return token === null || freshnessOf(token, nowMs) !== 'fresh' ? 0 : earlyRenewalAtMs(token) - nowMs;
}

/** Whether a renewal or a retry is due, whatever the schedule. */
export function isRenewalDue(state: LifecycleState, now: Instant): boolean {
  const { phase } = state;
  return (
    (phase.kind === 'idle' && renewalWaitMs(state, now) <= 0) ||
    (phase.kind === 'backing_off' && now.monotonicMs >= retryAtMonotonicMs(state, phase))
  );
}

/** Why renewal does not work; `null` if it does. */
export function currentProblem(state: LifecycleState, now: Instant): Problem | null {
  const { phase, failureStreak } = state;
  if (phase.kind === 'no_credential' || phase.kind === 'stopped') return phase.problem;
  if (failureStreak === null) return null;
  const hint = joinHints(failureStreak.failure.hint, clockHint(state.clockEstimate));
  const details = { message: failureStreak.failure.message, ...omitUndefined({ hint }) };
  if (failureStreak.failure.kind !== 'transient') return { code: 'login_required', ...details };
  return {
    code: failureStreak.failure.code ?? 'unavailable',
    ...details,
    retryAfterMs: retryAfterMs(state, now),
  };
}

/** A wrong clock makes valid tokens look expired, and IAM rejects JWTs that are dated by it. */
function clockHint({ offsetMs }: ClockEstimate): string | undefined {
  if (offsetMs === 0) return undefined;
  return `this machine's clock is ${formatTimeSpan(Math.abs(offsetMs))} ${offsetMs > 0 ? 'behind' : 'ahead'}; correct it`;
}

/** When the next renewal is planned, in milliseconds since the epoch; `null` if none is. */
export function nextRenewalAtMs(state: LifecycleState, now: Instant): number | null {
  const { phase, scheduledAtMs } = state;
  if (phase.kind === 'backing_off') return now.wallMs + retryAtMonotonicMs(state, phase) - now.monotonicMs;
  if (!canRenewOnSchedule(phase)) return null;
  const earlyAtMs = phase.kind === 'credential_rejected' ? Infinity : now.wallMs + renewalWaitMs(state, now);
  const next = Math.min(scheduledAtMs ?? Infinity, earlyAtMs);
  return Number.isFinite(next) ? next : null;
}

export function hasValidToken({ token, clockEstimate }: LifecycleState, now: Instant): boolean {
  return token !== null && freshnessOf(token, trueTimeMs(clockEstimate, now)) !== 'expired';
}

export function satisfiesRequest(
  state: LifecycleState,
  { minTtlMs }: Pick<TokenRequest, 'minTtlMs'>,
  now: Instant,
): boolean {
  if (state.token === null || !hasValidToken(state, now)) return false;
  return isValidFor(state.token, minTtlMs, trueTimeMs(state.clockEstimate, now));
}

/** Milliseconds until an attempt for this reason may start; 0 if it may now. */
export function attemptWaitMs(state: LifecycleState, trigger: ExchangeTrigger, now: Instant): number {
  const { phase, attempts } = state;
  const budgetDelayMs = budgetWaitMs(attempts, trigger, now.monotonicMs);
  if (phase.kind !== 'backing_off') return budgetDelayMs;
  const allowedAtMonotonicMs =
    trigger === 'request'
      ? Math.max(phase.endedAtMonotonicMs + minAttemptIntervalMs, notBeforeMonotonicMs(phase.retryAfter))
      : retryAtMonotonicMs(state, phase);
  return Math.max(budgetDelayMs, allowedAtMonotonicMs - now.monotonicMs);
}

/** The problem for a request that gets no token now. */
export function rejectionFor(state: LifecycleState, request: TokenRequest, now: Instant): Problem {
  const { token, clockEstimate } = state;
  if (token !== null && request.minTtlMs > 0 && hasValidToken(state, now) && !request.isRefresh) {
    const secondsLeft = Math.floor(timeLeftMs(token, trueTimeMs(clockEstimate, now)) / 1_000);
    const problem = currentProblem(state, now);
    return {
      code: 'unavailable',
      message:
        `the token is valid for another ${secondsLeft} s, less than the requested ${request.minTtlMs / 1_000} s` +
        (problem === null ? '' : `; renewal fails: ${problem.message}`),
      hint: problem?.hint ?? 'use a shorter --min-ttl',
      retryAfterMs: Math.ceil(Math.max(attemptWaitMs(state, 'min_ttl', now), 1_000)),
    };
  }
  return (
    currentProblem(state, now) ?? {
      code: 'unavailable',
      message: 'no valid token, and the hourly limit of automatic exchanges is reached',
      hint: { command: 'refresh' },
      retryAfterMs: retryAfterMs(state, now),
    }
  );
}

/** Milliseconds until the next own retry or the next attempt for a request, whichever is sooner. */
export function retryAfterMs(state: LifecycleState, now: Instant): number {
  const ownWaitMs = state.phase.kind === 'backing_off' ? attemptWaitMs(state, 'renewal', now) : Infinity;
  return Math.max(Math.ceil(Math.min(ownWaitMs, attemptWaitMs(state, 'request', now))), 0);
}

export function canRenewOnSchedule(phase: Phase): boolean {
  return phase.kind === 'idle' || (phase.kind === 'credential_rejected' && phase.retryOnSchedule);
}

export function hasCredential({ phase }: LifecycleState): boolean {
  return phase.kind !== 'no_credential' && phase.kind !== 'loading' && phase.kind !== 'stopped';
}
