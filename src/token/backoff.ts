/** The delay after a failed attempt. */
const baseMs = 1_000;
const minCeilingMs = 5 * 60_000;
const maxCeilingMs = 30 * 60_000;
const ceilingLifetimeFraction = 1 / 20;
/** The delay reaches the ceiling after this many failures beyond the first. */
const failuresToCeiling = 3;
const maxRetryAfterMs = 60 * 60_000;

/**
 * Exponential backoff from one second with full jitter
 * (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), so that the retries of a fleet spread out.
 * The ceiling is a twentieth of the time left, at least 5 and at most 30 minutes. The delay grows to it within four
 * failures rather than by doubling, which would take a dozen and double the load on a service that recovers after an
 * hour. Requests without a valid token do not wait for this delay.
 * @param failures in a row, including this one
 * @param timeLeftMs of the current token; 0 or less without one
 * @param random01 from 0 to below 1
 */
export function backoffMs(failures: number, timeLeftMs: number, random01: number): number {
  const ceilingMs = Math.min(Math.max(timeLeftMs * ceilingLifetimeFraction, minCeilingMs), maxCeilingMs);
  const growth = Math.min((failures - 1) / failuresToCeiling, 1);
  return random01 * baseMs * (ceilingMs / baseMs) ** growth;
}

/** Limits a `Retry-After` to one hour. */
export function clampRetryAfterMs(retryAfterMs: number | undefined): number {
  return Math.min(Math.max(retryAfterMs ?? 0, 0), maxRetryAfterMs);
}
