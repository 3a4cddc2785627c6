import type { Instant } from '../shared/clock.ts';

/** A clock that is further off than this is said to be wrong, and IAM's is believed. */
export const clockToleranceMs = 60_000;

/** What is known of the true time beyond the local wall clock. */
export interface TimeSense {
  /** IAM's clock minus the local one, in milliseconds; 0 while within the tolerance or unknown. */
  readonly offsetMs: number;
  /** A moment of true time and the monotonic time at which it was; time has not run slower than this since. */
  readonly anchor: { readonly trueMs: number; readonly monotonicMs: number } | null;
}

export const unanchored: TimeSense = { offsetMs: 0, anchor: null };

/**
 * The time by which a token is judged, in milliseconds since the epoch: the local clock as IAM corrected it, and
 * never behind what the monotonic clock proves to have passed. So a clock that is set back cannot bring a dead
 * token to life; one that leaps ahead looks like sleep, and the token is renewed before it is believed again.
 */
export function trueTimeMs(sense: TimeSense, now: Instant): number {
  const corrected = now.wallMs + sense.offsetMs;
  if (sense.anchor === null) return corrected;
  return Math.max(corrected, sense.anchor.trueMs + now.monotonicMs - sense.anchor.monotonicMs);
}

/** Takes IAM's word for the time; without it, the local clock's first word stands. */
export function anchored(sense: TimeSense, serverTimeMs: number | undefined, now: Instant): TimeSense {
  if (serverTimeMs === undefined) {
    if (sense.anchor !== null) return sense;
    return { ...sense, anchor: { trueMs: trueTimeMs(sense, now), monotonicMs: now.monotonicMs } };
  }
  const offsetMs = beyondTolerance(serverTimeMs - now.wallMs);
  return { offsetMs, anchor: { trueMs: now.wallMs + offsetMs, monotonicMs: now.monotonicMs } };
}

/**
 * The local clock left the monotonic one by `jumpMs`. Backwards it was certainly set, and the offset moves with
 * it. Forwards it may have been sleep: then the offset stands.
 */
export function afterJump(sense: TimeSense, jumpMs: number): TimeSense {
  if (jumpMs >= 0) return sense;
  return { ...sense, offsetMs: beyondTolerance(sense.offsetMs - jumpMs) };
}

/** A sense of time kept across a restart is believed only where it shortens a token's life. */
export function restored(offsetMs: number): TimeSense {
  return { offsetMs: Math.max(offsetMs, 0), anchor: null };
}

function beyondTolerance(offsetMs: number): number {
  return Math.abs(offsetMs) <= clockToleranceMs ? 0 : offsetMs;
}
