/** Renewal in the background: when the schedule fires, 10 % of the lifetime is left, or a retry is due. */
import type { Instant } from '../shared/clock.ts';
import { budgetWaitMs } from './budget.ts';
import { withClockJump, withLocalClock } from './clock-estimate.ts';
import { startExchange } from './exchange.ts';
import { phaseAfterSleep, phaseWithRetryNow } from './retry.ts';
import { canRenewOnSchedule, hasCredential, hasValidToken, isBeforeTurn, isRenewalDue } from './selectors.ts';
import { probeIfDue } from './service-probe.ts';
import type { Effect, LifecycleEvent, LifecycleState } from './state.ts';
import { createStep, persistIfClockChanged, prependEffects, type Step } from './step.ts';

export function handleTimer<Value>(
  state: LifecycleState<Value>,
  { jumpMs, turnDelayMs = 0 }: Extract<LifecycleEvent<Value>, { readonly kind: 'timer_fired' }>,
  now: Instant,
): Step<Value> {
  const adjustedState = delayUntilTurn(applyClockJump(state, jumpMs, now), turnDelayMs, now);
  // The firing of the schedule counts when it is the profile's turn.
  if (isBeforeTurn(adjustedState, now))
    return createStep(adjustedState, ...persistIfClockChanged(state, adjustedState));
  const hasScheduleFired = state.scheduledAtMs !== null && now.wallMs >= state.scheduledAtMs;
  const planEffects: readonly Effect<never>[] =
    hasCredential(state) && (hasScheduleFired || jumpMs !== 0) ? [{ kind: 'plan_schedule' }] : [];
  const nextState: LifecycleState<Value> = hasScheduleFired
    ? { ...adjustedState, scheduledAtMs: null }
    : adjustedState;
  const step =
    hasScheduleFired && canRenewOnSchedule(nextState.phase)
      ? renew(nextState, now)
      : renewIfDue(nextState, now);
  return prependEffects(probeIfDue(step, now), ...persistIfClockChanged(state, nextState), ...planEffects);
}

/** Not while requests wait, which go first. */
function delayUntilTurn<Value>(
  state: LifecycleState<Value>,
  turnDelayMs: number,
  now: Instant,
): LifecycleState<Value> {
  return turnDelayMs <= 0 || state.rejectedAtMonotonicMs !== null
    ? state
    : { ...state, renewNotBeforeMonotonicMs: now.monotonicMs + turnDelayMs };
}

function applyClockJump<Value>(
  state: LifecycleState<Value>,
  jumpMs: number,
  now: Instant,
): LifecycleState<Value> {
  if (jumpMs === 0) return state;
  const nextState: LifecycleState<Value> = {
    ...state,
    clockEstimate: withClockJump(state.clockEstimate, now),
    phase: phaseAfterSleep(state.phase, jumpMs, now),
  };
  return jumpMs < 0 && state.failureStreak?.failure.suspectsClock === true
    ? afterClockSetBack(nextState, now)
    : nextState;
}

/** New tokens looked expired by the clock that is set back now: it was ahead. A token that expired by it is dropped, not revived. */
function afterClockSetBack<Value>(state: LifecycleState<Value>, now: Instant): LifecycleState<Value> {
  const phase = phaseWithRetryNow(state.phase, now);
  const clockEstimate = hasValidToken(state, now) ? null : withLocalClock(state.clockEstimate, now);
  return clockEstimate === null ? { ...state, phase } : { ...state, phase, clockEstimate, token: null };
}

/** As `renewIfDue`, when it is the profile's turn. */
export function renewInTurn<Value>(state: LifecycleState<Value>, now: Instant): Step<Value> {
  return isBeforeTurn(state, now) ? createStep(state) : renewIfDue(state, now);
}

/** Whatever the schedule, and at once: for a request. */
export function renewIfDue<Value>(state: LifecycleState<Value>, now: Instant): Step<Value> {
  return isRenewalDue(state, now) ? renew(state, now) : createStep(state);
}

function renew<Value>(state: LifecycleState<Value>, now: Instant): Step<Value> {
  return budgetWaitMs(state.attempts, 'renewal', now.monotonicMs) > 0
    ? createStep(state)
    : startExchange(state, 'renewal', now);
}
