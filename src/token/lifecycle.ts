/**
 * The life of a profile's IAM token, as a pure function: (state, event, now) → state and effects. No clock,
 * timer, random number or Node module is used here; `src/daemon/profile.ts` runs it.
 */
import type { Instant } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import { type Attempt, budgetWaitMs, type Cause, withinTheHour } from './budget.ts';
import { failed, startExchange, succeeded } from './exchange.ts';
import type { KeptToken } from './iam-token.ts';
import { hasLivingToken, obeysSchedule, suffices, unmet, untilAttemptMs, untilRenewalMs } from './outlook.ts';
import { afterSleep } from './retry.ts';
import type { Effect, LifecycleEvent, LifecycleState, TokenRequest } from './state.ts';
import { also, announce, kept, keptAnew, type Step, step } from './step.ts';
import { afterJump, isDatable, refuted, restored } from './time.ts';

export function transition(state: LifecycleState, event: LifecycleEvent, now: Instant): Step {
  return state.phase.kind === 'stopped'
    ? whenStopped(state, event, state.phase.problem)
    : whenRunning(state, event, now);
}

function whenRunning(state: LifecycleState, event: LifecycleEvent, now: Instant): Step {
  switch (event.kind) {
    case 'loading':
      return step({ ...state, phase: { kind: 'loading' } }, ...cancelled(state));
    case 'credential_found':
      return credentialFound(state, event.kept, now);
    case 'credential_missing':
      return credentialMissing(state, event.problem);
    case 'logged_in':
      return loggedIn(state, event, now);
    case 'requested':
      return requested(state, event.request, now);
    case 'request_gone':
      return step({
        ...state,
        waiting: state.waiting.filter(({ requestId }) => requestId !== event.requestId),
      });
    case 'exchange_ended':
      return exchangeEnded(state, event, now);
    case 'schedule_planned':
      return step(hasCredential(state) ? { ...state, scheduledAtMs: event.atMs } : state);
    case 'woke':
      return woke(state, event.jumpMs, now);
    case 'stopping':
      return stopping(state);
    default:
      return event satisfies never;
  }
}

/** An answer of before may still come, and so may a request; nothing starts any more. */
function whenStopped(state: LifecycleState, event: LifecycleEvent, problem: Problem): Step {
  return event.kind === 'requested'
    ? step(state, { kind: 'reject', requestId: event.request.requestId, problem })
    : step(state);
}

/** Unless it is one that was cancelled. */
function exchangeEnded(
  state: LifecycleState,
  { attempt, outcome, random01 }: Extract<LifecycleEvent, { readonly kind: 'exchange_ended' }>,
  now: Instant,
): Step {
  const { phase } = state;
  if (phase.kind !== 'exchanging' || phase.attempt !== attempt) return step(state);
  return outcome.ok
    ? succeeded(state, outcome.exchanged, phase.startedAt, random01, now)
    : failed(state, outcome.failure, phase.startedAt, random01, now);
}

function credentialFound(state: LifecycleState, keptToken: KeptToken | null, now: Instant): Step {
  const { token, clockOffsetMs } = keptToken ?? { token: null, clockOffsetMs: 0 };
  const found: LifecycleState = {
    ...state,
    phase: { kind: 'resting' },
    token: isDatable(clockOffsetMs) ? token : null,
    time: restored(state.time, clockOffsetMs, now),
    trouble: null,
  };
  const isKeptTooYoung = found.time.offsetMs > Math.max(clockOffsetMs, 0);
  return also(
    askAgain(renewIfDue(found, now), now),
    ...cancelled(state),
    ...(isKeptTooYoung ? kept(found) : []),
    { kind: 'plan_schedule' },
  );
}

/** Those who waited for the store ask anew, in their order. */
function askAgain({ state, effects }: Step, now: Instant): Step {
  const first: Step = { state: { ...state, waiting: [] }, effects };
  return state.waiting.reduce((before, request) => {
    return also(requested(before.state, request, now), ...before.effects);
  }, first);
}

function credentialMissing(state: LifecycleState, problem: Problem): Step {
  const missing: LifecycleState = {
    ...state,
    phase: { kind: 'without_credential', problem },
    token: null,
    trouble: null,
    scheduledAtMs: null,
  };
  const wasThere = hasCredential(state);
  return also(
    rejectAll(missing, problem),
    ...cancelled(state),
    ...(wasThere && problem.code === 'login_required' ? [announce('login_required')] : []),
  );
}

/** The credential was confirmed by an exchange of its own; it wins over one that is under way. */
function loggedIn(
  state: LifecycleState,
  { exchanged, startedAt, random01 }: Extract<LifecycleEvent, { readonly kind: 'logged_in' }>,
  now: Instant,
): Step {
  const attempt: Attempt = { atMonotonicMs: now.monotonicMs, cause: 'person', succeeded: false };
  const fresh: LifecycleState = {
    ...state,
    phase: { kind: 'resting' },
    token: null,
    trouble: null,
    time: exchanged.serverTimeMs === undefined ? refuted(state.time, exchanged.expiresAtMs, now) : state.time,
    attempts: [...withinTheHour(state.attempts, now.monotonicMs), attempt],
  };
  return also(succeeded(fresh, exchanged, startedAt, random01, now), ...cancelled(state), {
    kind: 'plan_schedule',
  });
}

/** What everybody is told who waits for something. */
export const daemonStopping: Problem = {
  code: 'unavailable',
  message: 'the daemon is stopping',
  retryAfterMs: 1_000,
};

function stopping(state: LifecycleState): Step {
  const phase = { kind: 'stopped', problem: daemonStopping } as const;
  return also(rejectAll({ ...state, phase, scheduledAtMs: null }, daemonStopping), ...cancelled(state));
}

function rejectAll(state: LifecycleState, problem: Problem): Step {
  const rejections = state.waiting.map(({ requestId }): Effect => ({ kind: 'reject', requestId, problem }));
  return step({ ...state, waiting: [] }, ...rejections);
}

function cancelled({ phase }: LifecycleState): readonly Effect[] {
  return phase.kind === 'exchanging' ? [{ kind: 'cancel_exchange' }] : [];
}

function requested(state: LifecycleState, request: TokenRequest, now: Instant): Step {
  return request.forOutcome ? refreshRequested(state, request, now) : tokenRequested(state, request, now);
}

function tokenRequested(state: LifecycleState, request: TokenRequest, now: Instant): Step {
  if (state.token !== null && suffices(state, request, now)) {
    return also(renewIfDue(state, now), { kind: 'answer', requestId: request.requestId, token: state.token });
  }
  const { phase } = state;
  const rejected = (problem: Problem): Step =>
    step(state, { kind: 'reject', requestId: request.requestId, problem });
  switch (phase.kind) {
    case 'without_credential':
    case 'stopped':
      return rejected(phase.problem);
    case 'loading':
    case 'exchanging':
      return step({ ...state, waiting: [...state.waiting, request] });
    case 'refused':
    case 'needs_person':
      return rejected(unmet(state, request, now));
    case 'resting':
    case 'backing_off': {
      const cause: Cause = hasLivingToken(state, now) ? 'min_ttl' : 'request';
      return untilAttemptMs(state, cause, now) > 0
        ? rejected(unmet(state, request, now))
        : startExchange({ ...state, waiting: [...state.waiting, request] }, cause, now);
    }
    default:
      return phase satisfies never;
  }
}

function refreshRequested(state: LifecycleState, request: TokenRequest, now: Instant): Step {
  if (state.phase.kind === 'without_credential' || state.phase.kind === 'stopped') {
    return step(state, { kind: 'reject', requestId: request.requestId, problem: state.phase.problem });
  }
  const waiting: LifecycleState = { ...state, waiting: [...state.waiting, request] };
  const { kind } = state.phase;
  return kind === 'loading' || kind === 'exchanging' ? step(waiting) : startExchange(waiting, 'person', now);
}

function woke(state: LifecycleState, jumpMs: number, now: Instant): Step {
  const jumped: LifecycleState =
    jumpMs === 0
      ? state
      : { ...state, time: afterJump(state.time, now), phase: afterSleep(state.phase, jumpMs, now) };
  const fired = state.scheduledAtMs !== null && now.wallMs >= state.scheduledAtMs;
  const plan: readonly Effect[] =
    hasCredential(state) && (fired || jumpMs !== 0) ? [{ kind: 'plan_schedule' }] : [];
  const unscheduled: LifecycleState = fired ? { ...jumped, scheduledAtMs: null } : jumped;
  return also(
    fired && obeysSchedule(unscheduled.phase) ? renew(unscheduled, now) : renewIfDue(unscheduled, now),
    ...keptAnew(state, unscheduled),
    ...plan,
  );
}

function hasCredential({ phase }: LifecycleState): boolean {
  return phase.kind !== 'without_credential' && phase.kind !== 'loading' && phase.kind !== 'stopped';
}

/** Starts the renewal that its time or its backoff asks for. */
function renewIfDue(state: LifecycleState, now: Instant): Step {
  const { phase } = state;
  const due =
    (phase.kind === 'resting' && untilRenewalMs(state, now) <= 0) ||
    (phase.kind === 'backing_off' && now.monotonicMs >= phase.retryAtMonotonicMs);
  return due ? renew(state, now) : step(state);
}

function renew(state: LifecycleState, now: Instant): Step {
  return budgetWaitMs(state.attempts, 'due', now.monotonicMs) > 0
    ? step(state)
    : startExchange(state, 'due', now);
}
