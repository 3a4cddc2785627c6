/**
 * The library: `import { getIamToken } from 'iam-tokend/client'`. It needs a running `iam-tokend` and nothing else;
 * the credential stays in the daemon.
 */
import { surroundingsOfProcess } from '../platform/surroundings.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import { now } from './patience.ts';
import { requestToken, type TokenRequest } from './request-token.ts';
import { type IamTokenCache, tokenCache } from './token-cache.ts';
import { watchToken, type WatchRequest } from './watch-token.ts';

export { IamTokenError, type IamTokenErrorCode } from './iam-token-error.ts';
export type { IamTokenCache } from './token-cache.ts';
export type IamTokenOptions = TokenRequest;
export type IamTokenCacheOptions = Omit<TokenRequest, 'signal'>;
export type IamTokenWatchOptions = WatchRequest;
export type IamToken = TokenAnswer;

/**
 * A living IAM token. The daemon answers at once while it has one that lives for `minTtlMs` or longer, so ask for each
 * request that needs one and keep none.
 * @throws IamTokenError, its `code` one of the protocol's or `unreachable`; the reason of `options.signal` when that
 *   aborts
 */
export function getIamToken(options: IamTokenOptions = {}): Promise<IamToken> {
  return requestToken(options, surroundingsOfProcess());
}

/**
 * For a program that needs a token for each of many requests: asks the daemon at most once in 5 s, and once for all who
 * ask together. A token is never given out in its last 60 s. While the daemon cannot be reached, or has no new token for
 * now, the one in hand is given out until then; where the daemon is locked or wants a login, it is forgotten.
 */
export function iamTokenCache(options: IamTokenCacheOptions = {}): IamTokenCache {
  return tokenCache(() => getIamToken(options), options.minTtlMs ?? 0, now);
}

/**
 * The token now, and each new one once the daemon has it: `for await (const { token } of watchIamToken())`. It goes on
 * until `signal` aborts or the loop is left, and connects anew to a daemon that went away, after 0.1 s at first and 10 s
 * at most.
 * @throws the reason of `options.signal` when that aborts; nothing else, see `options.onProblem`
 */
export function watchIamToken(
  options: IamTokenWatchOptions = {},
): AsyncGenerator<IamToken, never, undefined> {
  return watchToken(options, surroundingsOfProcess());
}
