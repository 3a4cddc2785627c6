import type { Instant } from '../shared/clock.ts';

/** A clock that is further off than this is said to be wrong, and IAM's is believed. */
export const clockToleranceMs = 60_000;
/** A clock that came with an answer slower than this says little: the machine may have slept on it. */
const promptAnswerMs = 30_000;
/** A time zone taken for another is off by this much at most. */
const largestKeptOffsetMs = 14 * 60 * 60_000;

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

/** Takes IAM's word for the time, heard on a question of `askedAt`; without it, the local clock's first word stands. */
export function anchored(
  sense: TimeSense,
  serverTimeMs: number | undefined,
  askedAt: Instant,
  now: Instant,
): TimeSense {
  if (serverTimeMs === undefined || tookMs(askedAt, now) > promptAnswerMs) {
    return sense.anchor === null ? anchoredAt(trueTimeMs(sense, now), sense.offsetMs, now) : sense;
  }
  const offsetMs = beyondTolerance(serverTimeMs - now.wallMs);
  return anchoredAt(Math.max(serverTimeMs, now.wallMs + offsetMs), offsetMs, now);
}

/**
 * A service that does not say the time has just given a token that ended long ago by our reckoning, and nobody gives
 * dead tokens: the reckoning is wrong, by a clock that was ahead for a while, and the local clock is asked anew.
 */
export function refuted(sense: TimeSense, expiresAtMs: number, askedAt: Instant, now: Instant): TimeSense {
  const isWrong =
    expiresAtMs < trueTimeMs(sense, now) - clockToleranceMs && tookMs(askedAt, now) <= promptAnswerMs;
  return isWrong ? anchoredAt(now.wallMs, 0, now) : sense;
}

/**
 * The clocks were seen to part. A wall clock that fell behind what has passed was set back, and the offset makes up
 * for it. One that ran ahead is believed: it may have been sleep.
 */
export function afterJump(sense: TimeSense, now: Instant): TimeSense {
  const trueMs = trueTimeMs(sense, now);
  return anchoredAt(trueMs, beyondTolerance(trueMs - now.wallMs), now);
}

/**
 * An offset kept across a restart is believed only where it shortens a token's life, and not where it is so large
 * that the machine seems to have no clock while it is off: then it starts somewhere in the past each time.
 */
export function restored(keptOffsetMs: number, now: Instant): TimeSense {
  const offsetMs = keptOffsetMs > 0 && keptOffsetMs <= largestKeptOffsetMs ? keptOffsetMs : 0;
  return anchoredAt(now.wallMs + offsetMs, offsetMs, now);
}

function anchoredAt(trueMs: number, offsetMs: number, now: Instant): TimeSense {
  return { offsetMs, anchor: { trueMs, monotonicMs: now.monotonicMs } };
}

/** By whichever clock says more: one may have stood still, the other may have been set back. */
function tookMs(askedAt: Instant, now: Instant): number {
  return Math.max(now.monotonicMs - askedAt.monotonicMs, now.wallMs - askedAt.wallMs);
}

function beyondTolerance(offsetMs: number): number {
  return Math.abs(offsetMs) <= clockToleranceMs ? 0 : offsetMs;
}
