/**
 * The library: `import { getIamToken } from 'iam-tokend/client'`. It needs a running `iam-tokend` and no other package;
 * the credential stays in the daemon.
 */
import { processContext } from '../platform/process-context.ts';
import type {
  IamToken,
  IamTokenCache,
  IamTokenCacheOptions,
  IamTokenOptions,
  IamTokenWatchOptions,
} from './api-types.ts';
import { now } from './deadline.ts';
import { requestToken } from './request-token.ts';
import { createTokenCache } from './token-cache.ts';
import { watchToken } from './watch-token.ts';

export type {
  IamToken,
  IamTokenCache,
  IamTokenCacheOptions,
  IamTokenOptions,
  IamTokenWatchOptions,
} from './api-types.ts';
export { IamTokenError, type IamTokenErrorCode } from '../shared/errors.ts';

/**
 * Requests a valid IAM token from the daemon. While the daemon has one that is valid for `minTtlMs`, it answers within
 * a millisecond: call this for each use instead of storing the token.
 * @throws IamTokenError with a `code` of the protocol, or `unreachable`; the reason of `options.signal` when that aborts
 * @example
 * const { token } = await getIamToken({ minTtlMs: 600_000 });
 */
export function getIamToken(options: IamTokenOptions = {}): Promise<IamToken> {
  return requestToken(options, processContext());
}

/**
 * A cache for a program that needs a token for each of many requests. It contacts the daemon at most once in 5 s and
 * never returns a token in its last 60 s. While the daemon cannot be reached or has no new token, the cache returns the
 * one that it holds, as long as that is valid; it drops the token when the daemon is locked or requires a login.
 * @example
 * const tokens = iamTokenCache();
 * const token = await tokens.getToken();
 */
export function iamTokenCache(options: IamTokenCacheOptions = {}): IamTokenCache {
  return createTokenCache(() => getIamToken(options), options.minTtlMs ?? 0, now);
}

/**
 * Yields the current token, then each new one. It ends when `options.signal` aborts or the loop is left. If the
 * connection is lost, it reconnects after 0.1 s at first, up to 10 s between attempts.
 * @throws the reason of `options.signal` when that aborts. All other problems go to `options.onProblem`
 * @example
 * for await (const { token } of watchIamToken()) client.setToken(token);
 */
export function watchIamToken(
  options: IamTokenWatchOptions = {},
): AsyncGenerator<IamToken, never, undefined> {
  return watchToken(options, processContext());
}
