/** An exchange begins, and ends well or badly. */
import type { Instant } from '../shared/clock.ts';
import { type Cause, withinTheHour } from './budget.ts';
import { believableExpiryMs, freshness, type IamToken, lifeLeftMs } from './iam-token.ts';
import { hasLivingToken, suffices, unmet } from './outlook.ts';
import type { Exchanged, ExchangeFailure } from './ports.ts';
import { afterFailure, peaceOf } from './retry.ts';
import type { Effect, LifecycleState, TokenRequest } from './state.ts';
import { also, announce, kept, keptAnew, type Step, step } from './step.ts';
import { anchored, trueTimeMs } from './time.ts';

const wholeSecondsMs = 5_000;

export function startExchange(state: LifecycleState, cause: Cause, now: Instant): Step {
  const attempt = state.attemptsEver + 1;
  const started: LifecycleState = {
    ...state,
    phase: {
      kind: 'exchanging',
      attempt,
      cause,
      startedAt: now,
      failuresBefore: state.phase.kind === 'backing_off' ? state.phase.failures : 0,
      peace: peaceOf(state.phase),
    },
    attemptsEver: attempt,
    attempts: [
      ...withinTheHour(state.attempts, now.monotonicMs),
      { atMonotonicMs: now.monotonicMs, cause, succeeded: false },
    ],
  };
  return step(started, { kind: 'start_exchange', attempt, interactive: cause === 'person' });
}

export function succeeded(
  state: LifecycleState,
  exchanged: Exchanged,
  startedAt: Instant,
  random01: number,
  now: Instant,
): Step {
  const told = hearing(state, exchanged.serverTimeMs, startedAt, now);
  const receivedAtMs = trueTimeMs(told.time, now);
  const arrived: IamToken = {
    value: exchanged.token,
    subject: exchanged.subject,
    expiresAtMs: believableExpiryMs(exchanged.expiresAtMs, receivedAtMs),
    receivedAtMs,
  };
  if (freshness(arrived, receivedAtMs) === 'expired') {
    return failed(told, deadOnArrival(exchanged, receivedAtMs), startedAt, random01, now);
  }
  const attempts = state.attempts.map((attempt, at) =>
    at === state.attempts.length - 1 ? { ...attempt, succeeded: true } : attempt,
  );
  return withNewToken({ ...told, attempts }, arrived, now);
}

/** IAM may have said the time: then the token in hand cannot have arrived later, whatever was believed. */
function hearing(
  state: LifecycleState,
  serverTimeMs: number | undefined,
  startedAt: Instant,
  now: Instant,
): LifecycleState {
  const time = anchored(state.time, serverTimeMs, startedAt, now);
  const { token } = state;
  if (token === null || serverTimeMs === undefined) return { ...state, time };
  const receivedAtMs = Math.min(token.receivedAtMs, trueTimeMs(time, now));
  return { ...state, time, token: { ...token, receivedAtMs } };
}

/**
 * IAM may give the same token again, or one that ends sooner: the one that lives longest stays. What it has left
 * counts as its whole life from here on, so that a renewal that brought nothing better is not repeated at once.
 */
function withNewToken(state: LifecycleState, arrived: IamToken, now: Instant): Step {
  const { token: held } = state;
  const isHeldLonger = held !== null && hasLivingToken(state, now) && endsLater(held, arrived);
  const longest = isHeldLonger ? held : arrived;
  const token: IamToken = { ...longest, receivedAtMs: arrived.receivedAtMs };
  const settled: LifecycleState = { ...state, phase: { kind: 'resting' }, token, trouble: null };
  const rotated = state.token?.expiresAtMs !== token.expiresAtMs;
  return also(settleWaiting(settled, now), ...kept(settled), ...(rotated ? [announce('rotated')] : []));
}

/** By more than what a life told in whole seconds (`expires_in`) is off by: else `refresh` might change nothing. */
function endsLater(held: IamToken, arrived: IamToken): boolean {
  return held.expiresAtMs > arrived.expiresAtMs + wholeSecondsMs;
}

/** A token that cannot be served is no success: asked for again at once, it would come again at once. */
function deadOnArrival({ expiresAtMs, serverTimeMs }: Exchanged, nowMs: number): ExchangeFailure {
  const leftMs = expiresAtMs - nowMs;
  return {
    kind: 'transient',
    message:
      leftMs > 0
        ? `IAM gave a token that lives for ${Math.floor(leftMs / 1_000)} s only`
        : 'IAM gave a token that has expired already',
    ...(serverTimeMs === undefined
      ? { hint: "look whether this machine's clock is right, then log in again" }
      : { serverTimeMs }),
  };
}

/** The exchange has ended: everybody who waited for it gets an answer. */
function settleWaiting(state: LifecycleState, now: Instant): Step {
  const { token } = state;
  const settle = (request: TokenRequest): Effect =>
    token !== null && (request.forOutcome ? state.trouble === null : suffices(state, request, now))
      ? { kind: 'answer', requestId: request.requestId, token }
      : { kind: 'reject', requestId: request.requestId, problem: unmet(state, request, now) };
  return step({ ...state, waiting: [] }, ...state.waiting.map(settle));
}

export function failed(
  state: LifecycleState,
  failure: ExchangeFailure,
  startedAt: Instant,
  random01: number,
  now: Instant,
): Step {
  const told = hearing(state, failure.serverTimeMs, startedAt, now);
  const lastAtMs = trueTimeMs(told.time, now);
  const { token } = told;
  const lifeLeft =
    token === null || freshness(token, lastAtMs) === 'expired' ? 0 : lifeLeftMs(token, lastAtMs);
  const troubled: LifecycleState = {
    ...told,
    phase: afterFailure(state.phase, failure, lifeLeft, random01, now),
    trouble: {
      failure,
      sinceMs: state.trouble?.sinceMs ?? lastAtMs,
      lastAtMs,
      count: (state.trouble?.count ?? 0) + 1,
    },
  };
  const event = failure.kind === 'transient' ? 'failing' : 'login_required';
  return also(settleWaiting(troubled, now), ...keptAnew(state, troubled), announce(event));
}
