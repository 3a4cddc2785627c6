/**
 * The life of a profile's IAM token, as a pure function: (state, event, now) → state and effects. No clock,
 * timer, random number or Node module is used here; `src/daemon/profile.ts` runs it.
 */
import type { Instant } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import { backoffMs, honouredRetryAfterMs } from './backoff.ts';
import { type Attempt, budgetWaitMs, type Cause, withinTheHour } from './budget.ts';
import { freshness, type IamToken, lifeLeftMs } from './iam-token.ts';
import { hasLivingToken, obeysSchedule, suffices, unmet, untilAttemptMs } from './outlook.ts';
import type { Exchanged, ExchangeFailure } from './ports.ts';
import type { Effect, LifecycleEvent, LifecycleState, Phase, Waiting } from './state.ts';
import { afterJump, anchored, restored, trueTimeMs } from './time.ts';

export interface Step {
  readonly state: LifecycleState;
  readonly effects: readonly Effect[];
}

export function transition(state: LifecycleState, event: LifecycleEvent, now: Instant): Step {
  switch (event.kind) {
    case 'loading':
      return step({ ...state, phase: { kind: 'loading' } });
    case 'credential_found':
      return credentialFound(state, event.token, event.clockOffsetMs, now);
    case 'credential_missing':
      return credentialMissing(state, event.problem);
    case 'logged_in':
      return loggedIn(state, event.exchanged, now);
    case 'token_requested':
      return tokenRequested(state, { ...event, forOutcome: false }, now);
    case 'refresh_requested':
      return refreshRequested(state, { ...event, minTtlMs: 0, forOutcome: true }, now);
    case 'request_gone':
      return step({
        ...state,
        waiting: state.waiting.filter(({ requestId }) => requestId !== event.requestId),
      });
    case 'exchange_succeeded':
      return isUnderWay(state, event.attempt) ? succeeded(state, event.exchanged, now) : step(state);
    case 'exchange_failed':
      return isUnderWay(state, event.attempt)
        ? failed(state, event.failure, event.random01, now)
        : step(state);
    case 'schedule_planned':
      return step({ ...state, scheduledAtMs: event.atMs });
    case 'woke':
      return woke(state, event.jumpMs, now);
    case 'stopping':
      return stopping(state);
    default:
      return event satisfies never;
  }
}

function step(state: LifecycleState, ...effects: readonly Effect[]): Step {
  return { state, effects };
}

function also({ state, effects }: Step, ...before: readonly Effect[]): Step {
  return { state, effects: [...before, ...effects] };
}

function isUnderWay({ phase }: LifecycleState, attempt: number): boolean {
  return phase.kind === 'exchanging' && phase.attempt === attempt;
}

// --- the credential comes and goes -------------------------------------------------------------------------

function credentialFound(
  state: LifecycleState,
  token: IamToken | null,
  clockOffsetMs: number,
  now: Instant,
): Step {
  const found: LifecycleState = {
    ...state,
    phase: { kind: 'resting' },
    token,
    time: restored(clockOffsetMs),
    trouble: null,
  };
  return also(askAgain(renewIfDue(found, now), now), { kind: 'plan_schedule' });
}

/** Those who waited for the store ask anew, in their order. */
function askAgain({ state, effects }: Step, now: Instant): Step {
  const first: Step = { state: { ...state, waiting: [] }, effects };
  return state.waiting.reduce((before, request) => {
    const next = request.forOutcome
      ? refreshRequested(before.state, request, now)
      : tokenRequested(before.state, request, now);
    return also(next, ...before.effects);
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
function loggedIn(state: LifecycleState, exchanged: Exchanged, now: Instant): Step {
  const time = anchored(state.time, exchanged.serverTimeMs, now);
  const attempt: Attempt = { atMonotonicMs: now.monotonicMs, cause: 'person', succeeded: true };
  const fresh: LifecycleState = {
    ...state,
    time,
    token: null,
    attempts: [...withinTheHour(state.attempts, now.monotonicMs), attempt],
  };
  return also(withNewToken(fresh, exchanged, now), ...cancelled(state), { kind: 'plan_schedule' });
}

function stopping(state: LifecycleState): Step {
  const problem: Problem = { code: 'unavailable', message: 'the daemon is stopping', retryAfterMs: 1_000 };
  const stopped: LifecycleState = {
    ...state,
    phase: { kind: 'without_credential', problem },
    scheduledAtMs: null,
  };
  return also(rejectAll(stopped, problem), ...cancelled(state));
}

function cancelled({ phase }: LifecycleState): readonly Effect[] {
  return phase.kind === 'exchanging' ? [{ kind: 'cancel_exchange' }] : [];
}

// --- somebody asks -----------------------------------------------------------------------------------------

function tokenRequested(state: LifecycleState, request: Waiting, now: Instant): Step {
  if (state.token !== null && suffices(state, request, now)) {
    return also(renewIfDue(state, now), { kind: 'answer', requestId: request.requestId, token: state.token });
  }
  const cause: Cause = hasLivingToken(state, now) ? 'min_ttl' : 'request';
  const waitMs = untilAttemptMs(state, cause, now);
  switch (state.phase.kind) {
    case 'without_credential':
      return step(state, { kind: 'reject', requestId: request.requestId, problem: state.phase.problem });
    case 'loading':
    case 'exchanging':
      return step({ ...state, waiting: [...state.waiting, request] });
    case 'refused':
    case 'needs_person':
      return step(state, {
        kind: 'reject',
        requestId: request.requestId,
        problem: unmet(state, request, now),
      });
    case 'resting':
    case 'backing_off':
      if (waitMs > 0) {
        return step(state, {
          kind: 'reject',
          requestId: request.requestId,
          problem: unmet(state, request, now),
        });
      }
      return startExchange({ ...state, waiting: [...state.waiting, request] }, cause, now);
    default:
      return state.phase satisfies never;
  }
}

function refreshRequested(state: LifecycleState, request: Waiting, now: Instant): Step {
  if (state.phase.kind === 'without_credential') {
    return step(state, { kind: 'reject', requestId: request.requestId, problem: state.phase.problem });
  }
  const waiting: LifecycleState = { ...state, waiting: [...state.waiting, request] };
  const { kind } = state.phase;
  return kind === 'loading' || kind === 'exchanging' ? step(waiting) : startExchange(waiting, 'person', now);
}

// --- an exchange begins and ends ---------------------------------------------------------------------------

function startExchange(state: LifecycleState, cause: Cause, now: Instant): Step {
  const attempt = state.attemptsEver + 1;
  const failuresBefore = state.phase.kind === 'backing_off' ? state.phase.failures : 0;
  const started: LifecycleState = {
    ...state,
    phase: { kind: 'exchanging', attempt, cause, failuresBefore },
    attemptsEver: attempt,
    attempts: [
      ...withinTheHour(state.attempts, now.monotonicMs),
      { atMonotonicMs: now.monotonicMs, cause, succeeded: false },
    ],
  };
  return step(started, { kind: 'start_exchange', attempt, interactive: cause === 'person' });
}

function succeeded(state: LifecycleState, exchanged: Exchanged, now: Instant): Step {
  const attempts = state.attempts.map((attempt, at) =>
    at === state.attempts.length - 1 ? { ...attempt, succeeded: true } : attempt,
  );
  const time = anchored(state.time, exchanged.serverTimeMs, now);
  return withNewToken({ ...state, attempts, time }, exchanged, now);
}

/** IAM may give the same token again, or one that ends sooner: the one that lives longest stays. */
function withNewToken(state: LifecycleState, exchanged: Exchanged, now: Instant): Step {
  const { token: value, expiresAtMs, subject } = exchanged;
  const receivedAtMs = trueTimeMs(state.time, now);
  const arrived: IamToken = { value, subject, expiresAtMs, receivedAtMs };
  const token = state.token !== null && state.token.expiresAtMs > expiresAtMs ? state.token : arrived;
  const settled: LifecycleState = { ...state, phase: { kind: 'resting' }, token, trouble: null };
  const keep: Effect = { kind: 'keep', token, clockOffsetMs: state.time.offsetMs };
  const rotated = state.token?.expiresAtMs !== token.expiresAtMs;
  return also(settleWaiting(settled, now), keep, ...(rotated ? [announce('rotated')] : []));
}

/** The exchange has ended: everybody who waited for it gets an answer. */
function settleWaiting(state: LifecycleState, now: Instant): Step {
  const { token } = state;
  const settle = (request: Waiting): Effect =>
    token !== null && (request.forOutcome ? state.trouble === null : suffices(state, request, now))
      ? { kind: 'answer', requestId: request.requestId, token }
      : { kind: 'reject', requestId: request.requestId, problem: unmet(state, request, now) };
  return step({ ...state, waiting: [] }, ...state.waiting.map(settle));
}

function failed(state: LifecycleState, failure: ExchangeFailure, random01: number, now: Instant): Step {
  const time = anchored(state.time, failure.serverTimeMs, now);
  const lastAtMs = trueTimeMs(time, now);
  const troubled: LifecycleState = {
    ...state,
    time,
    phase: phaseAfter(state, failure, random01, now),
    trouble: {
      failure,
      sinceMs: state.trouble?.sinceMs ?? lastAtMs,
      lastAtMs,
      count: (state.trouble?.count ?? 0) + 1,
    },
  };
  const event = failure.kind === 'transient' ? 'failing' : 'login_required';
  return also(settleWaiting(troubled, now), announce(event));
}

function phaseAfter(state: LifecycleState, failure: ExchangeFailure, random01: number, now: Instant): Phase {
  switch (failure.kind) {
    case 'terminal':
      return { kind: 'refused', mayHeal: failure.mayHeal === true };
    case 'needs_person':
      return { kind: 'needs_person' };
    case 'transient': {
      const failures = (state.phase.kind === 'exchanging' ? state.phase.failuresBefore : 0) + 1;
      const lifeLeft = state.token === null ? 0 : lifeLeftMs(state.token, trueTimeMs(state.time, now));
      const asked = honouredRetryAfterMs(failure.retryAfterMs);
      const endedAtMonotonicMs = now.monotonicMs;
      return {
        kind: 'backing_off',
        failures,
        endedAtMonotonicMs,
        notBeforeMonotonicMs: endedAtMonotonicMs + asked,
        retryAtMonotonicMs: endedAtMonotonicMs + Math.max(backoffMs(failures, lifeLeft, random01), asked),
      };
    }
    default:
      return failure.kind satisfies never;
  }
}

function rejectAll(state: LifecycleState, problem: Problem): Step {
  const rejections = state.waiting.map(({ requestId }): Effect => ({ kind: 'reject', requestId, problem }));
  return step({ ...state, waiting: [] }, ...rejections);
}

function announce(event: 'rotated' | 'failing' | 'login_required'): Effect {
  return { kind: 'announce', event };
}

// --- time passes -------------------------------------------------------------------------------------------

function woke(state: LifecycleState, jumpMs: number, now: Instant): Step {
  const jumped: LifecycleState =
    jumpMs === 0
      ? state
      : { ...state, time: afterJump(state.time, jumpMs), phase: afterSleep(state.phase, now) };
  const fired = state.scheduledAtMs !== null && now.wallMs >= state.scheduledAtMs;
  const plan: readonly Effect[] =
    fired || (jumpMs !== 0 && hasCredential(state)) ? [{ kind: 'plan_schedule' }] : [];
  const unscheduled: LifecycleState = fired ? { ...jumped, scheduledAtMs: null } : jumped;
  return also(
    fired && obeysSchedule(unscheduled.phase) ? renew(unscheduled, now) : renewIfDue(unscheduled, now),
    ...plan,
  );
}

/** Another network, perhaps: what failed before the sleep is tried at once, unless the service asked for peace. */
function afterSleep(phase: Phase, now: Instant): Phase {
  if (phase.kind !== 'backing_off') return phase;
  return { ...phase, failures: 0, retryAtMonotonicMs: Math.max(now.monotonicMs, phase.notBeforeMonotonicMs) };
}

function hasCredential({ phase }: LifecycleState): boolean {
  return phase.kind !== 'without_credential' && phase.kind !== 'loading';
}

/** Starts the renewal that its time or its backoff asks for. */
function renewIfDue(state: LifecycleState, now: Instant): Step {
  const { phase, token, time } = state;
  const due =
    (phase.kind === 'resting' && (token === null || freshness(token, trueTimeMs(time, now)) !== 'fresh')) ||
    (phase.kind === 'backing_off' && now.monotonicMs >= phase.retryAtMonotonicMs);
  return due ? renew(state, now) : step(state);
}

function renew(state: LifecycleState, now: Instant): Step {
  return budgetWaitMs(state.attempts, 'due', now.monotonicMs) > 0
    ? step(state)
    : startExchange(state, 'due', now);
}
