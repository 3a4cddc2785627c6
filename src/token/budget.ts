const hourMs = 60 * 60_000;

/** Exchanges in an hour that nobody asked for by `login` or `refresh`: a bound on any storm, whatever its cause. */
export const exchangesPerHour = 60;
/**
 * How many of those requests may cause; the rest is for the daemon's own retries, so that clients which ask all
 * through an outage of minutes do not leave it without an exchange for the rest of the hour.
 */
export const requestExchangesPerHour = 30;
/** How many of those requests with a `minTtl` may cause. */
export const minTtlExchangesPerHour = 6;
/** A `minTtl` that the last token did not reach asks IAM at most this often. */
const minTtlIntervalMs = 60_000;

/** Who wanted an exchange. `person`: `login` or `refresh`, which no budget holds back. */
export type Cause = 'due' | 'request' | 'min_ttl' | 'person';

/** One exchange of the last hour. */
export interface Attempt {
  readonly atMonotonicMs: number;
  readonly cause: Cause;
  readonly succeeded: boolean;
}

/** The attempts of the last hour only. */
export function withinTheHour(attempts: readonly Attempt[], nowMonotonicMs: number): readonly Attempt[] {
  const from = nowMonotonicMs - hourMs;
  return attempts.some((attempt) => attempt.atMonotonicMs <= from)
    ? attempts.filter((attempt) => attempt.atMonotonicMs > from)
    : attempts;
}

/** Milliseconds until the budget allows an exchange for this cause; 0 when it does now. */
export function budgetWaitMs(attempts: readonly Attempt[], cause: Cause, nowMonotonicMs: number): number {
  if (cause === 'person') return 0;
  const unasked = withinTheHour(attempts, nowMonotonicMs).filter((attempt) => attempt.cause !== 'person');
  const whole = waitForPlace(unasked, exchangesPerHour, nowMonotonicMs);
  if (cause === 'due') return whole;
  const forRequests = unasked.filter((attempt) => attempt.cause !== 'due');
  const requested = Math.max(whole, waitForPlace(forRequests, requestExchangesPerHour, nowMonotonicMs));
  if (cause === 'request') return requested;
  const forMinTtl = unasked.filter((attempt) => attempt.cause === 'min_ttl');
  const last = forMinTtl.at(-1);
  const interval = last === undefined ? 0 : last.atMonotonicMs + minTtlIntervalMs - nowMonotonicMs;
  return Math.max(requested, interval, waitForPlace(forMinTtl, minTtlExchangesPerHour, nowMonotonicMs), 0);
}

/** Until the oldest attempts have left the hour, so that fewer than `limit` remain. */
function waitForPlace(attempts: readonly Attempt[], limit: number, nowMonotonicMs: number): number {
  const blocking = attempts.at(-limit);
  return blocking === undefined ? 0 : blocking.atMonotonicMs + hourMs - nowMonotonicMs;
}
