/** The transitions at the start and at the end of an exchange. */
import type { Instant } from '../shared/clock.ts';
import { type ExchangeTrigger, filterLastHour } from './budget.ts';
import { trueTimeMs, withLocalClock, withServerTime } from './clock-estimate.ts';
import { phaseAfterFailure, retryAfterOf } from './retry.ts';
import { hasValidToken, rejectionFor, satisfiesRequest } from './selectors.ts';
import type { Effect, LifecycleState } from './state.ts';
import {
  announce,
  createStep,
  persistIfClockChanged,
  persistToken,
  prependEffects,
  type Step,
} from './step.ts';
import { type ExchangeFailure, type IssuedToken, wrongClockHint } from './token-source.ts';
import { clampExpiryMs, freshnessOf, timeLeftMs, type Token } from './token.ts';
import { type TokenRequest, WaitingRequests } from './waiting-requests.ts';

/** Lifetimes in whole seconds (`expires_in`) make `expiresAt` inexact by about this much. */
const expiryToleranceMs = 5_000;

export function startExchange<Value>(
  state: LifecycleState<Value>,
  trigger: ExchangeTrigger,
  now: Instant,
): Step<Value> {
  const attempt = state.totalAttempts + 1;
  const exchangingState: LifecycleState<Value> = {
    ...state,
    phase: {
      kind: 'exchanging',
      attempt,
      trigger,
      previousFailures: state.phase.kind === 'backing_off' ? state.phase.failures : 0,
      retryAfter: retryAfterOf(state.phase),
    },
    totalAttempts: attempt,
    attempts: [
      ...filterLastHour(state.attempts, now.monotonicMs),
      { atMonotonicMs: now.monotonicMs, trigger, isSuccess: false },
    ],
  };
  return createStep(exchangingState, { kind: 'start_exchange', attempt, interactive: trigger === 'user' });
}

export function completeExchange<Value>(
  state: LifecycleState<Value>,
  issuedToken: IssuedToken<Value>,
  startedAt: Instant,
  random01: number,
  now: Instant,
): Step<Value> {
  const adjustedState = applyServerTime(state, issuedToken.serverTimeMs, startedAt, now);
  const candidates = [adjustedState, applyLocalClock(adjustedState, issuedToken, now)];
  for (const candidate of candidates.filter((candidateState) => candidateState !== null)) {
    const newToken = receiveToken(candidate, issuedToken, now);
    if (freshnessOf(newToken, newToken.receivedAtMs) === 'expired') continue;
    const ownIndex = state.attempts.findLastIndex(({ isDerived }) => isDerived !== true);
    const attempts = state.attempts.map((attempt, index) =>
      index === ownIndex ? { ...attempt, isSuccess: true } : attempt,
    );
    return acceptToken({ ...candidate, attempts }, newToken, now);
  }
  const failure = expiredTokenFailure(issuedToken, trueTimeMs(adjustedState.clockEstimate, now));
  return failExchange(adjustedState, failure, startedAt, random01, now);
}

function receiveToken<Value>(
  { clockEstimate }: LifecycleState<Value>,
  { value, subject, expiresAtMs }: IssuedToken<Value>,
  now: Instant,
): Token<Value> {
  const receivedAtMs = trueTimeMs(clockEstimate, now);
  return { value, subject, expiresAtMs: clampExpiryMs(expiresAtMs, receivedAtMs), receivedAtMs };
}

export function failExchange<Value>(
  state: LifecycleState<Value>,
  failure: ExchangeFailure,
  startedAt: Instant,
  random01: number,
  now: Instant,
): Step<Value> {
  const adjustedState = applyServerTime(state, failure.serverTimeMs, startedAt, now);
  const lastAtMs = trueTimeMs(adjustedState.clockEstimate, now);
  const { token } = adjustedState;
  const remainingMs =
    token === null || freshnessOf(token, lastAtMs) === 'expired' ? 0 : timeLeftMs(token, lastAtMs);
  const nextState: LifecycleState<Value> = {
    ...adjustedState,
    phase: phaseAfterFailure(state.phase, failure, remainingMs, random01, now),
    failureStreak: {
      failure,
      sinceMs: state.failureStreak?.sinceMs ?? lastAtMs,
      lastAtMs,
      count: (state.failureStreak?.count ?? 0) + 1,
    },
    probe: state.probe ?? { atMonotonicMs: now.monotonicMs, answer: null },
    rejectedAtMonotonicMs:
      remainingMs <= 0 && [...state.waitingRequests].some(({ isRefresh }) => !isRefresh)
        ? now.monotonicMs
        : state.rejectedAtMonotonicMs,
  };
  const event = failure.kind === 'transient' ? 'failing' : 'login_required';
  return prependEffects(
    settleWaitingRequests(nextState, now),
    ...persistIfClockChanged(state, nextState),
    announce(event),
  );
}

/** A correction of the clock also shows that the current token was not received later than now. */
function applyServerTime<Value>(
  state: LifecycleState<Value>,
  serverTimeMs: number | undefined,
  startedAt: Instant,
  now: Instant,
): LifecycleState<Value> {
  const clockEstimate = withServerTime(state.clockEstimate, serverTimeMs, startedAt, now);
  const { token } = state;
  if (token === null || serverTimeMs === undefined) return { ...state, clockEstimate };
  const receivedAtMs = Math.min(token.receivedAtMs, trueTimeMs(clockEstimate, now));
  return { ...state, clockEstimate, token: { ...token, receivedAtMs } };
}

/**
 * For a service without a `Date`: the local clock may have been ahead and is set back, so that new tokens look expired. A
 * token that does not expire later than the last one may be that one again, from a cache, and proves nothing.
 * @returns `null` if nothing speaks for the local clock
 */
function applyLocalClock<Value>(
  state: LifecycleState<Value>,
  { serverTimeMs, hasRelativeExpiry, expiresAtMs }: IssuedToken<Value>,
  now: Instant,
): LifecycleState<Value> | null {
  if (serverTimeMs !== undefined) return null;
  const lastExpiryMs = state.token === null ? -Infinity : state.token.expiresAtMs + expiryToleranceMs;
  if (hasRelativeExpiry !== true && (hasValidToken(state, now) || expiresAtMs <= lastExpiryMs)) return null;
  const clockEstimate = withLocalClock(state.clockEstimate, now);
  return clockEstimate === null ? null : { ...state, clockEstimate, token: null };
}

/**
 * IAM may issue the same token again, or one that expires sooner: the one that expires last stays. Its lifetime counts
 * from now on, so that a renewal that brought nothing better is not repeated at once.
 */
function acceptToken<Value>(state: LifecycleState<Value>, newToken: Token<Value>, now: Instant): Step<Value> {
  const { token: currentToken } = state;
  const isCurrentLongerLived =
    currentToken !== null && hasValidToken(state, now) && isLongerLived(currentToken, newToken);
  const longestLivedToken = isCurrentLongerLived ? currentToken : newToken;
  const token: Token<Value> = { ...longestLivedToken, receivedAtMs: newToken.receivedAtMs };
  const nextState: LifecycleState<Value> = {
    ...state,
    phase: { kind: 'idle' },
    token,
    failureStreak: null,
    rejectedAtMonotonicMs: null,
    probe: null,
  };
  const isRotated = state.token?.expiresAtMs !== token.expiresAtMs;
  return prependEffects(
    settleWaitingRequests(nextState, now),
    ...persistToken(nextState),
    ...(isRotated ? [announce('rotated')] : []),
  );
}

/** Within the tolerance the new token is preferred: otherwise `refresh` might change nothing. */
function isLongerLived(currentToken: Token, newToken: Token): boolean {
  return currentToken.expiresAtMs > newToken.expiresAtMs + expiryToleranceMs;
}

/** A failure, so that backoff applies: another exchange would probably return the same token. */
function expiredTokenFailure(
  { expiresAtMs, serverTimeMs }: IssuedToken<unknown>,
  nowMs: number,
): ExchangeFailure {
  const leftMs = expiresAtMs - nowMs;
  return {
    kind: 'transient',
    message:
      leftMs > 0
        ? `IAM issued a token that expires in ${Math.floor(leftMs / 1_000)} s`
        : 'IAM issued a token that has already expired',
    ...(serverTimeMs === undefined ? { suspectsClock: true, hint: wrongClockHint } : { serverTimeMs }),
  };
}

/** Answers every waiting request: with the token if it satisfies the request, otherwise with the problem. */
function settleWaitingRequests<Value>(state: LifecycleState<Value>, now: Instant): Step<Value> {
  const { token } = state;
  const settleRequest = (request: TokenRequest): Effect<Value> =>
    token !== null &&
    (request.isRefresh ? state.failureStreak === null : satisfiesRequest(state, request, now))
      ? { kind: 'resolve', requestId: request.requestId, token }
      : { kind: 'reject', requestId: request.requestId, problem: rejectionFor(state, request, now) };
  const effects = Array.from(state.waitingRequests, settleRequest);
  return { state: { ...state, waitingRequests: WaitingRequests.empty }, effects };
}
