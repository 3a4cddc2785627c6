/** When an authorized key replaces itself. */

const dayMs = 86_400_000;

export interface KeyTimes {
  /** Milliseconds since the epoch; absent if unknown. */
  readonly createdAtMs?: number;
  /** When a rotation of this profile was last tried, whether it succeeded or not; absent: never. */
  readonly attemptedAtMs?: number;
}

/**
 * Milliseconds since the epoch; may be in the past. `null` while the age of the key is unknown.
 * @param spread01 from 0 to below 1: spreads the rotations of many machines over a day
 * @param nowMs the time of IAM, as far as it is known: a time in the future comes from a clock that was wrong
 */
export function nextRotationAtMs(
  { createdAtMs, attemptedAtMs }: KeyTimes,
  rotateAfterMs: number,
  spread01: number,
  nowMs: number,
): number | null {
  if (createdAtMs === undefined) return null;
  const dueAtMs = createdAtMs + rotateAfterMs + Math.floor(spread01 * dayMs);
  return Math.max(dueAtMs, nextAttemptAtMs(attemptedAtMs, nowMs));
}

/** At most one attempt a day; `-Infinity` if none was made. */
export function nextAttemptAtMs(attemptedAtMs: number | undefined, nowMs: number): number {
  return attemptedAtMs === undefined || attemptedAtMs > nowMs ? -Infinity : attemptedAtMs + dayMs;
}
