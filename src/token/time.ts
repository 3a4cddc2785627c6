import type { Instant } from '../shared/clock.ts';

/** A clock that is further off than this is said to be wrong, and IAM's is believed. */
export const clockToleranceMs = 60_000;
/** What came with a slower answer may be that much older. */
const promptAnswerMs = 30_000;
/** A time zone taken for another is off by this much at most. */
const largestKeptOffsetMs = 14 * 60 * 60_000;

/** What is known of the true time beyond the local wall clock. */
export interface TimeSense {
  /** IAM's clock minus the local one, in milliseconds; 0 while within the tolerance or unknown. */
  readonly offsetMs: number;
  /** A moment of true time and the monotonic time at which it was; time has not run slower than this since. */
  readonly anchor: { readonly trueMs: number; readonly monotonicMs: number };
  /** Whether more is known than this process has seen of its own clocks. */
  readonly isTold: boolean;
}

/** The sense of a process that begins: the local clock's first word stands. */
export function firstSense(now: Instant): TimeSense {
  return { offsetMs: 0, anchor: { trueMs: now.wallMs, monotonicMs: now.monotonicMs }, isTold: false };
}

/**
 * The time by which a token is judged, in milliseconds since the epoch: the local clock as IAM corrected it, and
 * never behind what the monotonic clock proves to have passed. So a clock that is set back cannot bring a dead
 * token to life; one that leaps ahead looks like sleep, and the token is renewed before it is believed again.
 */
export function trueTimeMs(sense: TimeSense, now: Instant): number {
  const corrected = now.wallMs + sense.offsetMs;
  return Math.max(corrected, sense.anchor.trueMs + now.monotonicMs - sense.anchor.monotonicMs);
}

/**
 * Takes IAM's word for the time, heard on a question of `askedAt`: it may have been said any time since, where the
 * machine slept on the answer.
 */
export function anchored(
  sense: TimeSense,
  serverTimeMs: number | undefined,
  askedAt: Instant,
  now: Instant,
): TimeSense {
  if (serverTimeMs === undefined) return sense;
  const tookMs = longestOf(askedAt, now);
  const latestMs = tookMs <= promptAnswerMs ? serverTimeMs : serverTimeMs + tookMs;
  const offsetMs = beyondTolerance(latestMs - now.wallMs);
  return told(Math.max(latestMs, now.wallMs + offsetMs), offsetMs, now);
}

/**
 * A person logged in, and the new token ended long ago by our reckoning: that is wrong, by a clock that was ahead
 * for a while, and the local clock is asked anew.
 */
export function refuted(sense: TimeSense, expiresAtMs: number, now: Instant): TimeSense {
  return expiresAtMs < trueTimeMs(sense, now) - clockToleranceMs ? told(now.wallMs, 0, now) : sense;
}

/**
 * The clocks were seen to part. A wall clock that fell behind what has passed was set back, and the offset makes up
 * for it. One that ran ahead is believed: it may have been sleep.
 */
export function afterJump(sense: TimeSense, now: Instant): TimeSense {
  const trueMs = trueTimeMs(sense, now);
  const offsetMs = beyondTolerance(trueMs - now.wallMs);
  return { ...sense, offsetMs, anchor: { trueMs, monotonicMs: now.monotonicMs } };
}

/**
 * Takes an offset kept across a restart into account, beside what this process has seen since it began, and only
 * where that shortens a token's life.
 */
export function restored(sense: TimeSense, keptOffsetMs: number, now: Instant): TimeSense {
  if (sense.isTold) return sense;
  const offsetMs = isDatable(keptOffsetMs) ? Math.max(keptOffsetMs, 0) : 0;
  return told(trueTimeMs(sense, now) + offsetMs, sense.offsetMs + offsetMs, now);
}

/**
 * Whether what was kept with this offset can be dated after a restart. A clock that was so slow may start somewhere
 * in the past at each boot: then nobody knows how long the machine was off.
 */
export function isDatable(keptOffsetMs: number): boolean {
  return keptOffsetMs <= largestKeptOffsetMs;
}

function told(trueMs: number, offsetMs: number, now: Instant): TimeSense {
  return { offsetMs, anchor: { trueMs, monotonicMs: now.monotonicMs }, isTold: true };
}

/** How far the wall clock ran ahead of the monotonic one between two moments: sleep, or a clock that was set. */
export function partedMs(from: Instant, to: Instant): number {
  return to.wallMs - from.wallMs - (to.monotonicMs - from.monotonicMs);
}

/** How long it may have been: one clock may have stood still, the other may have been set back. */
function longestOf(from: Instant, to: Instant): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
}

function beyondTolerance(offsetMs: number): number {
  return Math.abs(offsetMs) <= clockToleranceMs ? 0 : offsetMs;
}
