/** The limit on exchanges per hour: bounds the load on IAM, whatever goes wrong here or in a client. */
const hourMs = 60 * 60_000;

/** All exchanges, except those for `login` and `refresh`. */
export const exchangesPerHour = 60;
/** The part that requests may use; the rest is reserved for retries, so that busy clients cannot use up the hour. */
export const requestExchangesPerHour = 30;
/** Requests start so many failed exchanges at once; further ones are spread over the hour. */
export const requestBurst = 6;
/** The shortest time from any exchange to one for a request, after the burst. */
const requestIntervalMs = 2 * 60_000;
/** The failed exchanges that changed answers of the service may cause: a service may answer, and fail each exchange. */
export const probeFailuresPerHour = 6;
/** The part that requests with a `minTtl` may use. */
export const minTtlExchangesPerHour = 6;
/**
 * Of the exchanges for impersonated accounts and AWS keys, the part that one user other than root and the daemon's own
 * may cause, over all profiles: half of what requests may cause, so that no user takes all of it.
 */
export const exchangesPerHourOfOtherUser = 15;
/** The shortest time between two exchanges for a `minTtl`. */
const minTtlIntervalMs = 60_000;

/**
 * The reason for an exchange. `probe`: requests wait, and the service answers again. `user` is `login` or `refresh`, which
 * the budget does not limit.
 */
export type ExchangeTrigger = 'renewal' | 'request' | 'probe' | 'min_ttl' | 'user';

/** One exchange. */
export interface Attempt {
  readonly atMonotonicMs: number;
  readonly trigger: ExchangeTrigger;
  readonly isSuccess: boolean;
  /** For an impersonated account or AWS keys, whose lifecycle is another one. */
  readonly isDerived?: true;
}

/** Without the attempts that are older than an hour. */
export function filterLastHour(attempts: readonly Attempt[], nowMonotonicMs: number): readonly Attempt[] {
  const cutoffMs = nowMonotonicMs - hourMs;
  return attempts.some((attempt) => attempt.atMonotonicMs <= cutoffMs)
    ? attempts.filter((attempt) => attempt.atMonotonicMs > cutoffMs)
    : attempts;
}

/** Milliseconds until the budget allows an exchange for this reason; 0 if it does now. */
export function budgetWaitMs(
  attempts: readonly Attempt[],
  trigger: ExchangeTrigger,
  nowMonotonicMs: number,
): number {
  if (trigger === 'user') return 0;
  const recentAttempts = filterLastHour(attempts, nowMonotonicMs);
  const automaticAttempts = recentAttempts.filter((attempt) => attempt.trigger !== 'user');
  const totalWaitMs = limitWaitMs(automaticAttempts, exchangesPerHour, nowMonotonicMs);
  if (trigger === 'renewal') return totalWaitMs;
  const requestAttempts = automaticAttempts.filter((attempt) => attempt.trigger !== 'renewal');
  const requestWaitMs = Math.max(
    totalWaitMs,
    limitWaitMs(requestAttempts, requestExchangesPerHour, nowMonotonicMs),
  );
  if (trigger === 'request') return Math.max(requestWaitMs, spreadWaitMs(recentAttempts, nowMonotonicMs));
  if (trigger === 'probe') {
    const failedProbes = automaticAttempts.filter(
      (attempt) => attempt.trigger === 'probe' && !attempt.isSuccess,
    );
    return Math.max(requestWaitMs, limitWaitMs(failedProbes, probeFailuresPerHour, nowMonotonicMs));
  }
  const minTtlAttempts = automaticAttempts.filter((attempt) => attempt.trigger === 'min_ttl');
  const lastAttempt = minTtlAttempts.at(-1);
  const intervalWaitMs =
    lastAttempt === undefined ? 0 : lastAttempt.atMonotonicMs + minTtlIntervalMs - nowMonotonicMs;
  return Math.max(
    requestWaitMs,
    intervalWaitMs,
    limitWaitMs(minTtlAttempts, minTtlExchangesPerHour, nowMonotonicMs),
    0,
  );
}

/** Milliseconds until another user may cause a further exchange; 0 if it may now. */
export function otherUserWaitMs(attempts: readonly Attempt[], nowMonotonicMs: number): number {
  return Math.max(limitWaitMs(attempts, exchangesPerHourOfOtherUser, nowMonotonicMs), 0);
}

/** So that clients that poll through an outage do not use up the hour in its first minutes. */
function spreadWaitMs(attempts: readonly Attempt[], nowMonotonicMs: number): number {
  const ownAttempts = attempts.filter(({ isDerived }) => isDerived !== true);
  const failures = ownAttempts.filter(({ trigger, isSuccess }) => trigger === 'request' && !isSuccess);
  const lastAttempt = ownAttempts.at(-1);
  if (lastAttempt === undefined || failures.length < requestBurst) return 0;
  return Math.max(lastAttempt.atMonotonicMs + requestIntervalMs - nowMonotonicMs, 0);
}

/** Until fewer than `limit` of the attempts are younger than an hour. */
function limitWaitMs(attempts: readonly Attempt[], limit: number, nowMonotonicMs: number): number {
  const blockingAttempt = attempts.at(-limit);
  return blockingAttempt === undefined ? 0 : blockingAttempt.atMonotonicMs + hourMs - nowMonotonicMs;
}
