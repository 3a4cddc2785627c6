/** The result of a transition, and the effects that several transitions share. */
import type { Effect, LifecycleState } from './state.ts';

export interface Step<Value> {
  readonly state: LifecycleState<Value>;
  /** In the order in which they are to be applied. */
  readonly effects: readonly Effect<Value>[];
}

export function createStep<Value>(
  state: LifecycleState<Value>,
  ...effects: readonly Effect<Value>[]
): Step<Value> {
  return { state, effects };
}

export function prependEffects<Value>(
  { state, effects }: Step<Value>,
  ...leadingEffects: readonly Effect<Value>[]
): Step<Value> {
  return { state, effects: [...leadingEffects, ...effects] };
}

export function announce(event: 'rotated' | 'failing' | 'login_required'): Effect<never> {
  return { kind: 'announce', event };
}

export function persistToken<Value>({
  token,
  clockEstimate,
}: LifecycleState<Value>): readonly Effect<Value>[] {
  return token === null ? [] : [{ kind: 'persist', token, clockOffsetMs: clockEstimate.offsetMs }];
}

/** A persisted token is judged by the offset beside it after a restart, so a new offset is stored too. */
export function persistIfClockChanged<Value>(
  previous: LifecycleState<Value>,
  next: LifecycleState<Value>,
): readonly Effect<Value>[] {
  return previous.clockEstimate.offsetMs === next.clockEstimate.offsetMs ? [] : persistToken(next);
}
