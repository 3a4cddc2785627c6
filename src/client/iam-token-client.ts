/**
 * The library: `import { getIamToken } from 'iam-tokend/client'`. It needs a running `iam-tokend` and nothing else;
 * the credential stays in the daemon.
 */
import { surroundingsOfProcess } from '../platform/surroundings.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import { requestToken, type TokenRequest } from './request-token.ts';

export { IamTokenError, type IamTokenErrorCode } from './iam-token-error.ts';
export type IamTokenOptions = TokenRequest;
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
