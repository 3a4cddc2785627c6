import type { Surroundings } from '../platform/places.ts';
import type { TokenAnswer } from '../protocol/messages.ts';
import { token } from '../protocol/token-method.ts';
import { given } from '../shared/given.ts';
import { dial } from './dial.ts';
import { IamTokenError } from './iam-token-error.ts';
import { patienceOf, pause } from './patience.ts';

export interface TokenRequest {
  /** Unless given: `IAM_TOKEND_PROFILE`, else the daemon's default profile. */
  readonly profile?: string | undefined;
  /** How long the token must live at least, in milliseconds; 0 to 12 h, 0 unless given. */
  readonly minTtlMs?: number | undefined;
  /** A service account as which the profile may act: the token is that one's. */
  readonly impersonateServiceAccountId?: string | undefined;
  /** Unless given: `IAM_TOKEND_SOCKET`, else the usual places. */
  readonly socketPath?: string | undefined;
  /** For the connection and the answer together, in milliseconds; 10 s unless given. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The daemon gives one exchange 8 s unless it is told otherwise. */
export const defaultTimeoutMs = 10_000;

/** What a request says of the profile: nothing where neither the caller nor the environment names one. */
export function profileParams(
  profile: string | undefined,
  env: Surroundings['env'],
): { readonly profile?: string } {
  return given({ profile: profile ?? (env['IAM_TOKEND_PROFILE'] || undefined) });
}

/**
 * A daemon that is killed or replaced cuts its connections off before it has answered. Where a service manager starts
 * it again the socket is still there, and so often the token is asked for anew, after so many milliseconds.
 */
const askAnewAtMost = 5;
const askAnewAfterMs = 100;

/** @throws IamTokenError; the reason of `signal` when that aborts */
export async function requestToken(request: TokenRequest, surroundings: Surroundings): Promise<TokenAnswer> {
  const { profile, minTtlMs, impersonateServiceAccountId, socketPath, signal } = request;
  const { timeoutMs = defaultTimeoutMs } = request;
  const patience = patienceOf(timeoutMs, signal);
  const params = {
    ...profileParams(profile, surroundings.env),
    ...given({ minTtlMs, impersonateServiceAccountId }),
  };
  for (let left = askAnewAtMost; ; left -= 1) {
    const connection = await dial(socketPath, surroundings, patience);
    try {
      return await connection.ask(token, params, patience);
    } catch (error) {
      const isCutOff = error instanceof IamTokenError && error.code === 'unreachable';
      if (!isCutOff || left === 0) throw error;
    } finally {
      // Not now: `iam-token` prints and exits before this, and saves the time.
      setImmediate(() => connection.close());
    }
    await pause(askAnewAfterMs, signal);
  }
}
