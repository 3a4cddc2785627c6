/**
 * While requests wait for a service that failed, the daemon looks every few seconds whether the service answers at all. A
 * changed answer starts one exchange, so that the first request after an outage is served within seconds.
 */
import type { Instant } from '../shared/clock.ts';
import { budgetWaitMs } from './budget.ts';
import { startExchange } from './exchange.ts';
import { nextProbeAtMonotonicMs, notBeforeMonotonicMs } from './retry.ts';
import type { LifecycleState } from './state.ts';
import { createStep, type Step } from './step.ts';

/** Adds a look at the service to a step, if one is due after it. */
export function probeIfDue<Value>(step: Step<Value>, now: Instant): Step<Value> {
  const { state, effects } = step;
  const atMonotonicMs = nextProbeAtMonotonicMs(state);
  if (atMonotonicMs === null || now.monotonicMs < atMonotonicMs) return step;
  const probe = { atMonotonicMs: now.monotonicMs, answer: state.probe?.answer ?? null };
  return createStep({ ...state, probe }, ...effects, { kind: 'probe_service' });
}

/** An answer that arrives during an exchange is dropped: if the exchange fails, the next look finds it. */
export function handleProbe<Value>(
  state: LifecycleState<Value>,
  answer: string | null,
  now: Instant,
): Step<Value> {
  const { phase, probe, attempts } = state;
  if (phase.kind !== 'backing_off' || probe === null) return createStep(state);
  const probedState: LifecycleState<Value> = { ...state, probe: { ...probe, answer } };
  const mayStart =
    answer !== null &&
    answer !== probe.answer &&
    now.monotonicMs >= notBeforeMonotonicMs(phase.retryAfter) &&
    budgetWaitMs(attempts, 'probe', now.monotonicMs) <= 0;
  return mayStart ? startExchange(probedState, 'probe', now) : createStep(probedState);
}
