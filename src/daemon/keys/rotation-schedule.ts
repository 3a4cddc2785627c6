import { createHash } from 'node:crypto';
import type { Clock } from '../../shared/clock.ts';
import { trueTimeMs } from '../../token/clock-estimate.ts';
import { type KeyTimes, nextAttemptAtMs, nextRotationAtMs } from './rotation-times.ts';
import { hasValidToken } from '../../token/selectors.ts';
import type { ProfileEntry, ProfileRegistry } from '../profiles/profile-registry.ts';
import type { Profile } from '../profiles/profile.ts';

export interface RotationScheduleParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly registry: ProfileRegistry;
  /** The age at which keys replace themselves; `null` or absent: never. */
  readonly getRotateAfterMs?: (() => number | null) | undefined;
}

/** When the keys of profiles replace themselves. */
export class RotationSchedule {
  readonly #parts: RotationScheduleParts;

  constructor(parts: RotationScheduleParts) {
    this.#parts = parts;
  }

  /** Milliseconds since the epoch by the clock of IAM, as far as it is known. */
  nowMs({ state }: Profile): number {
    return trueTimeMs(state.clockEstimate, this.#parts.clock.now());
  }

  /** `null` while keys do not replace themselves, or the age of this one is unknown. */
  nextAtMs(profile: Profile, { id, ...times }: KeyTimes & { readonly id: string }): number | null {
    const rotateAfterMs = this.#parts.getRotateAfterMs?.() ?? null;
    if (rotateAfterMs === null) return null;
    const spread01 = spreadOf(this.#parts.registry.current.instance, id);
    return nextRotationAtMs(times, rotateAfterMs, spread01, this.nowMs(profile));
  }

  /** Never while the credential is in trouble. A key of unknown age is due: its age is read first. */
  isDue(profile: Profile, { key }: ProfileEntry): boolean {
    if (key === undefined || (this.#parts.getRotateAfterMs?.() ?? null) === null) return false;
    const { state } = profile;
    const isWorking = state.phase.kind === 'idle' && state.failureStreak === null;
    if (!isWorking || !hasValidToken(state, this.#parts.clock.now())) return false;
    const nowMs = this.nowMs(profile);
    return (this.nextAtMs(profile, key) ?? nextAttemptAtMs(key.attemptedAtMs, nowMs)) <= nowMs;
  }
}

/** From 0 to below 1; always the same for a key of this configuration. */
function spreadOf(instance: string, keyId: string): number {
  return createHash('sha256').update(`${instance} ${keyId}`).digest().readUInt32BE() / 2 ** 32;
}
