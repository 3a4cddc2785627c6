/** What a transition gives, and the effects that more than one of them has. */
import type { Effect, LifecycleState } from './state.ts';

export interface Step {
  readonly state: LifecycleState;
  readonly effects: readonly Effect[];
}

export function step(state: LifecycleState, ...effects: readonly Effect[]): Step {
  return { state, effects };
}

/** With these effects in front. */
export function also({ state, effects }: Step, ...before: readonly Effect[]): Step {
  return { state, effects: [...before, ...effects] };
}

export function announce(event: 'rotated' | 'failing' | 'login_required'): Effect {
  return { kind: 'announce', event };
}

/** A token is kept with what is known of the clock, by which it will be judged after a restart. */
export function kept({ token, time }: LifecycleState): readonly Effect[] {
  return token === null ? [] : [{ kind: 'keep', token, clockOffsetMs: time.offsetMs }];
}

/** Where more is known of the clock than before. */
export function keptAnew(before: LifecycleState, after: LifecycleState): readonly Effect[] {
  return before.time.offsetMs === after.time.offsetMs ? [] : kept(after);
}
