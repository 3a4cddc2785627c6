const baseMs = 1_000;
const ceilingAtLeastMs = 5 * 60_000;
const ceilingAtMostMs = 30 * 60_000;
const lifeShare = 1 / 20;
/** So many failures after the first, the ceiling is reached. */
const growthFailures = 3;
const retryAfterAtMostMs = 60 * 60_000;

/**
 * How long to leave a failing service alone: exponential from one second with full jitter
 * (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter), so that a fleet spreads itself out.
 * The ceiling is a twentieth of the life left, kept between 5 and 30 minutes: a token of hours can wait. The fourth
 * failure in a row reaches it. Doubling would take a dozen, and greet a service that comes back after an hour with
 * twice as many exchanges at once; a request without a living token does not wait for this anyway.
 * @param failures in a row, this one included
 * @param lifeLeftMs of the token in hand; 0 or less without one
 * @param random01 from 0 to below 1
 */
export function backoffMs(failures: number, lifeLeftMs: number, random01: number): number {
  const ceilingMs = Math.min(Math.max(lifeLeftMs * lifeShare, ceilingAtLeastMs), ceilingAtMostMs);
  const grown = Math.min((failures - 1) / growthFailures, 1);
  return random01 * baseMs * (ceilingMs / baseMs) ** grown;
}

/** `Retry-After` as far as it is obeyed: at most one hour. */
export function honouredRetryAfterMs(retryAfterMs: number | undefined): number {
  return Math.min(Math.max(retryAfterMs ?? 0, 0), retryAfterAtMostMs);
}
