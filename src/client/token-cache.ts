import type { Instant } from '../shared/clock.ts';
import { IamTokenError } from '../shared/errors.ts';
import { raceSignal } from '../shared/race-signal.ts';
import type { IamToken, IamTokenCache } from './api-types.ts';

/** As in the daemon: a token must still be valid when the request that carries it reaches the service. */
const expiryMarginMs = 60_000;

/**
 * Longer would save nothing, because the daemon answers within a millisecond, and only the daemon notices a `lock`, a
 * new default profile and a wrong clock.
 */
const maxAgeMs = 5_000;

/** Temporary problems, which do not make the cached token invalid. */
const transientErrorCodes: ReadonlySet<IamTokenError['code']> = new Set([
  'unreachable',
  'unavailable',
  'too_busy',
]);

interface CachedToken {
  readonly result: IamToken;
  readonly requestedAt: Instant;
}

/** @param minTtlMs the least remaining lifetime of a token */
export function createTokenCache(
  requestToken: () => Promise<IamToken>,
  minTtlMs: number,
  now: () => Instant,
): IamTokenCache {
  let cached: CachedToken | undefined;
  let pendingRequest: Promise<IamToken> | undefined;

  function isValid({ result }: CachedToken): boolean {
    const timeLeftMs = Date.parse(result.expiresAt) - (result.clockOffsetMs ?? 0) - now().wallMs;
    return timeLeftMs > Math.max(expiryMarginMs, minTtlMs);
  }

  /** By both clocks: the monotonic one may stop while the machine sleeps, the wall clock can be set. */
  function isFresh({ requestedAt }: CachedToken): boolean {
    const { wallMs, monotonicMs } = now();
    const wallAgeMs = wallMs - requestedAt.wallMs;
    return wallAgeMs >= 0 && wallAgeMs < maxAgeMs && monotonicMs - requestedAt.monotonicMs < maxAgeMs;
  }

  async function loadToken(): Promise<IamToken> {
    const requestedAt = now();
    try {
      const result = await requestToken();
      cached = { result, requestedAt };
      return result;
    } catch (error) {
      const isTransient = error instanceof IamTokenError && transientErrorCodes.has(error.code);
      if (isTransient && cached !== undefined && isValid(cached)) return cached.result;
      cached = undefined;
      throw error;
    } finally {
      pendingRequest = undefined;
    }
  }

  async function get(signal?: AbortSignal | null): Promise<IamToken> {
    signal?.throwIfAborted();
    if (cached !== undefined && isFresh(cached) && isValid(cached)) return cached.result;
    pendingRequest ??= loadToken();
    return signal ? raceSignal(pendingRequest, signal) : pendingRequest;
  }

  return {
    get,
    getToken: async () => (await get()).token,
    drop: (token) => {
      if (cached?.result.token === token) cached = undefined;
    },
  };
}
