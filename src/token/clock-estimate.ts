/**
 * An estimate of the true time (IAM's), from the local wall clock, the monotonic clock and IAM's `Date` headers. Tokens
 * are judged by it, so that a wrong local clock neither revives an expired token nor wastes a valid one.
 */
import type { Instant } from '../shared/clock.ts';

/** The local clock counts as wrong if it differs from IAM's by more than this. */
export const clockToleranceMs = 60_000;
/** A server time counts as current if the response took no longer than this. */
const maxPromptResponseMs = 30_000;
/** The largest error that a wrong time zone can cause. */
const maxPersistedOffsetMs = 14 * 60 * 60_000;

/** The true time was `trueMs` at `monotonicMs`. */
interface Anchor {
  readonly trueMs: number;
  readonly monotonicMs: number;
}

export interface ClockEstimate {
  /** IAM's clock minus the local one, in milliseconds; 0 if within the tolerance or unknown. */
  readonly offsetMs: number;
  /** A lower bound, as the monotonic clock never runs fast. */
  readonly anchor: Anchor;
  /** The last server time, which no jump of the wall clock moves; `null`: none yet. */
  readonly serverAnchor: Anchor | null;
  /** Whether the estimate uses more than the clocks of this process. */
  readonly isCalibrated: boolean;
}

/** Trusts the local clock. */
export function initialClock(now: Instant): ClockEstimate {
  const anchor = { trueMs: now.wallMs, monotonicMs: now.monotonicMs };
  return { offsetMs: 0, anchor, serverAnchor: null, isCalibrated: false };
}

/**
 * The true time in milliseconds since the epoch: the local clock plus IAM's correction, but never less than the time
 * that has passed by the monotonic clock. So setting the clock back cannot revive an expired token; a jump ahead looks
 * like sleep, and the token is renewed.
 */
export function trueTimeMs(estimate: ClockEstimate, now: Instant): number {
  const correctedMs = now.wallMs + estimate.offsetMs;
  return Math.max(correctedMs, estimate.anchor.trueMs + now.monotonicMs - estimate.anchor.monotonicMs);
}

/**
 * Adopts the time in a response to a request sent at `startedAt`. If the response took long, because the machine slept,
 * the latest time that is possible counts.
 */
export function withServerTime(
  estimate: ClockEstimate,
  serverTimeMs: number | undefined,
  startedAt: Instant,
  now: Instant,
): ClockEstimate {
  if (serverTimeMs === undefined) return estimate;
  const elapsedMs = maxElapsedMs(startedAt, now);
  const latestServerTimeMs = elapsedMs <= maxPromptResponseMs ? serverTimeMs : serverTimeMs + elapsedMs;
  const offsetMs = dropSmallOffset(latestServerTimeMs - now.wallMs);
  const trueMs = Math.max(latestServerTimeMs, now.wallMs + offsetMs);
  const serverAnchor = { trueMs: latestServerTimeMs, monotonicMs: now.monotonicMs };
  return createEstimate(trueMs, offsetMs, now, serverAnchor);
}

/**
 * For a login without a server time: if the new token looks expired, the estimate is wrong (the clock was ahead for a
 * while), so it restarts from the local clock.
 */
export function resetIfImplausible(
  estimate: ClockEstimate,
  expiresAtMs: number,
  now: Instant,
): ClockEstimate {
  return expiresAtMs < trueTimeMs(estimate, now) - clockToleranceMs
    ? createEstimate(now.wallMs, 0, now, null)
    : estimate;
}

/**
 * Restarts from the local clock, once it was set back because it had been ahead.
 * @returns `null` if the local clock is before the time that has passed since the last server time
 */
export function withLocalClock(estimate: ClockEstimate, now: Instant): ClockEstimate | null {
  const { serverAnchor } = estimate;
  const earliestMs =
    serverAnchor === null
      ? -Infinity
      : serverAnchor.trueMs + now.monotonicMs - serverAnchor.monotonicMs - clockToleranceMs;
  return now.wallMs < earliestMs ? null : createEstimate(now.wallMs, 0, now, serverAnchor);
}

/**
 * After a jump between the wall clock and the monotonic clock. A wall clock that was set back is corrected by the
 * offset; a jump ahead is accepted, as it may have been sleep.
 */
export function withClockJump(estimate: ClockEstimate, now: Instant): ClockEstimate {
  const trueMs = trueTimeMs(estimate, now);
  const offsetMs = dropSmallOffset(trueMs - now.wallMs);
  return { ...estimate, offsetMs, anchor: { trueMs, monotonicMs: now.monotonicMs } };
}

/** Applies an offset that was stored before a restart, unless this process has a better estimate or it would lengthen a token's life. */
export function withPersistedOffset(
  estimate: ClockEstimate,
  persistedOffsetMs: number,
  now: Instant,
): ClockEstimate {
  if (estimate.isCalibrated) return estimate;
  const offsetMs = isOffsetPlausible(persistedOffsetMs) ? Math.max(persistedOffsetMs, 0) : 0;
  const trueMs = trueTimeMs(estimate, now) + offsetMs;
  return createEstimate(trueMs, estimate.offsetMs + offsetMs, now, estimate.serverAnchor);
}

/**
 * Whether a token that was stored with this offset can be dated after a restart. A clock that is further behind may
 * restart from a fixed date at each boot, so the time that the machine was off is unknown.
 */
export function isOffsetPlausible(persistedOffsetMs: number): boolean {
  return persistedOffsetMs <= maxPersistedOffsetMs;
}

function createEstimate(
  trueMs: number,
  offsetMs: number,
  now: Instant,
  serverAnchor: Anchor | null,
): ClockEstimate {
  return { offsetMs, anchor: { trueMs, monotonicMs: now.monotonicMs }, serverAnchor, isCalibrated: true };
}

/** How far the wall clock ran ahead of the monotonic one between two instants: by sleep, or because it was set. */
export function clockSkewMs(from: Instant, to: Instant): number {
  return to.wallMs - from.wallMs - (to.monotonicMs - from.monotonicMs);
}

/** The longer of two measurements: the monotonic clock may have stopped, the wall clock may have been set back. */
export function maxElapsedMs(from: Instant, to: Instant): number {
  return Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
}

/** When a request was sent, in milliseconds since the epoch by the clock as it is set now. */
export function sentAtMs(startedAt: Instant, now: Instant): number {
  return now.wallMs - maxElapsedMs(startedAt, now);
}

function dropSmallOffset(offsetMs: number): number {
  return Math.abs(offsetMs) <= clockToleranceMs ? 0 : offsetMs;
}
