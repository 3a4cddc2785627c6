/**
 * The life of a token as a pure function: (state, event, now) → next state and effects. It uses no clock, timer, random
 * number or Node module; `src/daemon/profiles/profile.ts` runs it. The rules are in LIFECYCLE.md: `requests.ts` serves,
 * `renewal.ts` renews, `exchange.ts` and `retry.ts` handle success and failure, `service-probe.ts` notices the
 * end of an outage, `budget.ts` limits the exchanges.
 */
import type { Instant } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import { type Attempt, filterLastHour } from './budget.ts';
import { isOffsetPlausible, resetIfImplausible, withPersistedOffset } from './clock-estimate.ts';
import { completeExchange, failExchange } from './exchange.ts';
import { handleTimer, renewInTurn } from './renewal.ts';
import { handleRequest, rejectAll, replayWaitingRequests } from './requests.ts';
import { hasCredential } from './selectors.ts';
import type { Effect, LifecycleEvent, LifecycleState } from './state.ts';
import { handleProbe } from './service-probe.ts';
import { announce, createStep, persistToken, prependEffects, type Step } from './step.ts';

/** What requests get once the daemon stops. */
export const daemonStoppingProblem: Problem = {
  code: 'unavailable',
  message: 'the daemon is stopping',
  retryAfterMs: 1_000,
};

export function transition<Value>(
  state: LifecycleState<Value>,
  event: LifecycleEvent<Value>,
  now: Instant,
): Step<Value> {
  return state.phase.kind === 'stopped'
    ? transitionStopped(state, event, state.phase.problem)
    : transitionRunning(state, event, now);
}

function transitionRunning<Value>(
  state: LifecycleState<Value>,
  event: LifecycleEvent<Value>,
  now: Instant,
): Step<Value> {
  switch (event.kind) {
    case 'loading':
      return createStep({ ...state, phase: { kind: 'loading' } }, ...cancelExchange(state));
    case 'credential_loaded':
      return handleCredentialLoaded(state, event, now);
    case 'credential_missing':
      return handleCredentialMissing(state, event.problem);
    case 'logged_in':
      return handleLogin(state, event, now);
    case 'request_received':
      return handleRequest(state, event.request, now);
    case 'requests_cancelled':
      return createStep({
        ...state,
        waitingRequests: state.waitingRequests.without(event.requestIds),
      });
    case 'derived_exchange':
      return createStep({
        ...state,
        attempts: [
          ...filterLastHour(state.attempts, now.monotonicMs),
          { atMonotonicMs: now.monotonicMs, trigger: 'request', isSuccess: false, isDerived: true },
        ],
      });
    case 'exchange_ended':
      return handleExchangeEnd(state, event, now);
    case 'service_probed':
      return handleProbe(state, event.answer, now);
    case 'schedule_planned':
      return createStep(hasCredential(state) ? { ...state, scheduledAtMs: event.atMs } : state);
    case 'timer_fired':
      return handleTimer(state, event, now);
    case 'stopping':
      return handleStop(state);
    default:
      return event satisfies never;
  }
}

/** Late events may still arrive; requests are rejected, the rest has no effect. */
function transitionStopped<Value>(
  state: LifecycleState<Value>,
  event: LifecycleEvent<Value>,
  problem: Problem,
): Step<Value> {
  return event.kind === 'request_received'
    ? createStep(state, { kind: 'reject', requestId: event.request.requestId, problem })
    : createStep(state);
}

/** Ignores an exchange that was cancelled. */
function handleExchangeEnd<Value>(
  state: LifecycleState<Value>,
  {
    attempt,
    outcome,
    random01,
    startedAt,
  }: Extract<LifecycleEvent<Value>, { readonly kind: 'exchange_ended' }>,
  now: Instant,
): Step<Value> {
  const { phase } = state;
  if (phase.kind !== 'exchanging' || phase.attempt !== attempt) return createStep(state);
  return outcome.ok
    ? completeExchange(state, outcome.issuedToken, startedAt, random01, now)
    : failExchange(state, outcome.failure, startedAt, random01, now);
}

function handleCredentialLoaded<Value>(
  state: LifecycleState<Value>,
  { persistedToken, turnDelayMs = 0 }: Extract<LifecycleEvent<Value>, { readonly kind: 'credential_loaded' }>,
  now: Instant,
): Step<Value> {
  const { token, clockOffsetMs } = persistedToken ?? { token: null, clockOffsetMs: 0 };
  const loadedState: LifecycleState<Value> = {
    ...state,
    phase: { kind: 'idle' },
    token: isOffsetPlausible(clockOffsetMs) ? token : null,
    clockEstimate: withPersistedOffset(state.clockEstimate, clockOffsetMs, now),
    failureStreak: null,
    rejectedAtMonotonicMs: null,
    probe: null,
    renewNotBeforeMonotonicMs: now.monotonicMs + turnDelayMs,
  };
  const isPersistedOffsetOutdated = loadedState.clockEstimate.offsetMs > Math.max(clockOffsetMs, 0);
  return prependEffects(
    replayWaitingRequests(renewInTurn(loadedState, now), now),
    ...cancelExchange(state),
    ...(isPersistedOffsetOutdated ? persistToken(loadedState) : []),
    { kind: 'plan_schedule' },
  );
}

function handleCredentialMissing<Value>(state: LifecycleState<Value>, problem: Problem): Step<Value> {
  const nextState: LifecycleState<Value> = {
    ...state,
    phase: { kind: 'no_credential', problem },
    token: null,
    failureStreak: null,
    scheduledAtMs: null,
  };
  const hadCredential = hasCredential(state);
  return prependEffects(
    rejectAll(nextState, problem),
    ...cancelExchange(state),
    ...(hadCredential && problem.code === 'login_required' ? [announce('login_required')] : []),
  );
}

/** The exchange that verified the credential replaces one in progress. */
function handleLogin<Value>(
  state: LifecycleState<Value>,
  { issuedToken, startedAt, random01 }: Extract<LifecycleEvent<Value>, { readonly kind: 'logged_in' }>,
  now: Instant,
): Step<Value> {
  const attempt: Attempt = { atMonotonicMs: now.monotonicMs, trigger: 'user', isSuccess: false };
  const loggedInState: LifecycleState<Value> = {
    ...state,
    phase: { kind: 'idle' },
    token: null,
    failureStreak: null,
    clockEstimate:
      issuedToken.serverTimeMs === undefined
        ? resetIfImplausible(state.clockEstimate, issuedToken.expiresAtMs, now)
        : state.clockEstimate,
    attempts: [...filterLastHour(state.attempts, now.monotonicMs), attempt],
  };
  return prependEffects(
    completeExchange(loggedInState, issuedToken, startedAt, random01, now),
    ...cancelExchange(state),
    { kind: 'plan_schedule' },
  );
}

function handleStop<Value>(state: LifecycleState<Value>): Step<Value> {
  const phase = { kind: 'stopped', problem: daemonStoppingProblem } as const;
  return prependEffects(
    rejectAll({ ...state, phase, scheduledAtMs: null }, daemonStoppingProblem),
    ...cancelExchange(state),
  );
}

function cancelExchange({ phase }: LifecycleState): readonly Effect<never>[] {
  return phase.kind === 'exchanging' ? [{ kind: 'cancel_exchange' }] : [];
}
