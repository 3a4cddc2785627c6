/**
 * Requests for a token. A valid token that satisfies the request is served at once, and renewed in the background if a
 * renewal is due. Otherwise the request waits for an exchange, which all waiting requests share, or is rejected.
 */
import type { Instant } from '../shared/clock.ts';
import type { Problem } from '../shared/errors.ts';
import type { ExchangeTrigger } from './budget.ts';
import { startExchange } from './exchange.ts';
import { renewIfDue } from './renewal.ts';
import { attemptWaitMs, hasValidToken, rejectionFor, satisfiesRequest } from './selectors.ts';
import type { Effect, LifecycleState } from './state.ts';
import { createStep, prependEffects, type Step } from './step.ts';
import { type TokenRequest, WaitingRequests } from './waiting-requests.ts';

export function handleRequest<Value>(
  state: LifecycleState<Value>,
  request: TokenRequest,
  now: Instant,
): Step<Value> {
  return request.isRefresh
    ? handleRefreshRequest(state, request, now)
    : handleTokenRequest(state, request, now);
}

/** After the store was read, the requests that waited for it are handled in their order. */
export function replayWaitingRequests<Value>({ state, effects }: Step<Value>, now: Instant): Step<Value> {
  const { waitingRequests } = state;
  let replayedState: LifecycleState<Value> = { ...state, waitingRequests: WaitingRequests.empty };
  const allEffects = [...effects];
  for (const request of waitingRequests) {
    const step = handleRequest(replayedState, request, now);
    replayedState = step.state;
    allEffects.push(...step.effects);
  }
  return { state: replayedState, effects: allEffects };
}

export function rejectAll<Value>(state: LifecycleState<Value>, problem: Problem): Step<Value> {
  const effects = Array.from(state.waitingRequests, ({ requestId }): Effect<never> => ({
    kind: 'reject',
    requestId,
    problem,
  }));
  return { state: { ...state, waitingRequests: WaitingRequests.empty }, effects };
}

function handleTokenRequest<Value>(
  state: LifecycleState<Value>,
  request: TokenRequest,
  now: Instant,
): Step<Value> {
  if (state.token !== null && satisfiesRequest(state, request, now)) {
    return prependEffects(renewIfDue(state, now), {
      kind: 'resolve',
      requestId: request.requestId,
      token: state.token,
    });
  }
  const { phase } = state;
  const reject = (problem: Problem): Step<Value> =>
    createStep(state, { kind: 'reject', requestId: request.requestId, problem });
  switch (phase.kind) {
    case 'no_credential':
    case 'stopped':
      return reject(phase.problem);
    case 'loading':
    case 'exchanging':
      return createStep({ ...state, waitingRequests: state.waitingRequests.with(request) });
    case 'credential_rejected':
    case 'interaction_required':
      return reject(rejectionFor(state, request, now));
    case 'idle':
    case 'backing_off': {
      const isForMinTtl = hasValidToken(state, now);
      const trigger: ExchangeTrigger = isForMinTtl ? 'min_ttl' : 'request';
      if (attemptWaitMs(state, trigger, now) > 0) {
        const rejectedState = isForMinTtl ? state : recordRejection(state, now);
        const problem = rejectionFor(rejectedState, request, now);
        return createStep(rejectedState, { kind: 'reject', requestId: request.requestId, problem });
      }
      return startExchange({ ...state, waitingRequests: state.waitingRequests.with(request) }, trigger, now);
    }
    default:
      return phase satisfies never;
  }
}

/** To within a second: clients may send thousands of requests. */
function recordRejection<Value>(state: LifecycleState<Value>, now: Instant): LifecycleState<Value> {
  const lastMonotonicMs = state.rejectedAtMonotonicMs ?? -Infinity;
  return now.monotonicMs - lastMonotonicMs < 1_000
    ? state
    : { ...state, rejectedAtMonotonicMs: now.monotonicMs };
}

function handleRefreshRequest<Value>(
  state: LifecycleState<Value>,
  request: TokenRequest,
  now: Instant,
): Step<Value> {
  if (state.phase.kind === 'no_credential' || state.phase.kind === 'stopped') {
    return createStep(state, { kind: 'reject', requestId: request.requestId, problem: state.phase.problem });
  }
  const waitingState: LifecycleState<Value> = {
    ...state,
    waitingRequests: state.waitingRequests.with(request),
  };
  const { kind } = state.phase;
  return kind === 'loading' || kind === 'exchanging'
    ? createStep(waitingState)
    : startExchange(waitingState, 'user', now);
}
