import type { ProcessContext } from '../platform/paths.ts';
import * as methods from '../protocol/methods.ts';
import { IamTokenError } from '../shared/errors.ts';
import type { IamToken, IamTokenOptions } from './api-types.ts';
import { deadlineAfter, sleep } from './deadline.ts';
import { dial } from './dial.ts';

/** The daemon's own timeout for an exchange is 8 s by default. */
export const defaultTimeoutMs = 10_000;

export interface ProfileParams {
  /** `undefined`: the default profile. */
  readonly profile: string | undefined;
}

/** The `profile` of a request: from the caller, else from the environment. The daemon drops blanks around it. */
export function profileParams(profile: string | undefined, env: ProcessContext['env']): ProfileParams {
  return { profile: profile ?? (env['IAM_TOKEND_PROFILE']?.trim() || undefined) };
}

/**
 * A daemon that is killed or replaced closes its connections with requests pending. Under a service manager its socket
 * stays, and the next daemon answers.
 */
const maxRetries = 5;
const retryDelayMs = 100;

/**
 * @param session of the caller, for the `warned` of the result
 * @throws IamTokenError; the reason of `signal` when that aborts
 */
export async function requestToken(
  request: IamTokenOptions,
  context: ProcessContext,
  session?: string,
): Promise<IamToken & { readonly warned?: boolean }> {
  const { profile, minTtlMs, impersonateServiceAccountId, socketPath, signal } = request;
  const { timeoutMs = defaultTimeoutMs } = request;
  const deadline = deadlineAfter(timeoutMs, signal);
  const params = { ...profileParams(profile, context.env), minTtlMs, impersonateServiceAccountId, session };
  for (let retriesLeft = maxRetries; ; retriesLeft -= 1) {
    const connection = await dial(socketPath, context, deadline);
    try {
      return await connection.call(methods.token, params, deadline);
    } catch (error) {
      const isConnectionLost = error instanceof IamTokenError && error.code === 'unreachable';
      if (!isConnectionLost || retriesLeft === 0) throw error;
    } finally {
      // Later, because `iam-token` prints the token and exits first. A program may have replaced setImmediate, as Jest's
      // fake timers do.
      connection.unref();
      setImmediate(() => connection.close());
    }
    await sleep(retryDelayMs, signal);
  }
}
