/** The types of `iam-tokend/client`, apart from the error: `../shared/errors.ts`. */
import type { IamTokenError, WireProblem } from '../shared/errors.ts';

/** A valid IAM token and what belongs to it. */
export interface IamToken {
  /** Visible ASCII characters, for an `authorization: Bearer` header. */
  readonly token: string;
  /** RFC 3339, UTC, with milliseconds; by the clock of IAM. */
  readonly expiresAt: string;
  /** The profile that the token belongs to. */
  readonly profile: string;
  /** Id of the account that the token authenticates; `null` if it is unknown. */
  readonly subject: string | null;
  /** Set if the daemon can no longer renew the token; `hint` says what to do before the token expires. */
  readonly warning?: WireProblem;
  /**
   * IAM's clock minus the local one, in milliseconds: subtract it from `expiresAt` before you compare with the local
   * clock. Absent if the clocks differ by less than a minute.
   */
  readonly clockOffsetMs?: number;
}

export interface IamTokenOptions {
  /** Default: `IAM_TOKEND_PROFILE`, then the daemon's default profile. */
  readonly profile?: string | undefined;
  /** The least remaining lifetime of the token, in milliseconds: 0 (the default) to 43,200,000 (12 h). */
  readonly minTtlMs?: number | undefined;
  /** Returns a token of this service account, which the profile's account may impersonate. */
  readonly impersonateServiceAccountId?: string | undefined;
  /** Default: `IAM_TOKEND_SOCKET`, then the standard paths. */
  readonly socketPath?: string | undefined;
  /** For the connection and the response together, in milliseconds; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

export type IamTokenCacheOptions = Omit<IamTokenOptions, 'signal'>;

export interface IamTokenWatchOptions extends Pick<
  IamTokenOptions,
  'profile' | 'socketPath' | 'timeoutMs' | 'signal'
> {
  /** Called each time that the daemon cannot be reached or has no token; the watch continues. */
  readonly onProblem?: ((problem: IamTokenError) => void) | undefined;
}

/** A token in memory, for a program that needs it often. Its functions do not use `this`. */
export interface IamTokenCache {
  /**
   * Concurrent calls share one request to the daemon.
   * @param signal cancels this call only
   * @throws IamTokenError; the reason of `signal` when that aborts
   */
  readonly get: (signal?: AbortSignal | null) => Promise<IamToken>;
  /**
   * The token alone.
   * @throws IamTokenError
   */
  readonly getToken: () => Promise<string>;
  /** Call it when a service has rejected `token`: the next `get` requests one from the daemon. */
  readonly drop: (token: string) => void;
}
