/** The port through which the lifecycle gets tokens; `src/sources` implements it for each kind of credential. */
import type { ErrorCode } from '../shared/errors.ts';
import type { Hint } from '../shared/hint.ts';
import type { Secret } from '../shared/secret.ts';

/** For a failure that suspects the clock. */
export const wrongClockHint = 'correct the clock of this machine; the daemon then tries again by itself';

/** The result of a successful exchange. */
export interface IssuedToken<Value> {
  readonly value: Value;
  /** Milliseconds since the Unix epoch, by IAM's clock. */
  readonly expiresAtMs: number;
  /** Id of the account that the token was issued for; `null` if unknown. */
  readonly subject: string | null;
  /** IAM's clock at the time of its response (the `Date` header); absent if the response had none. */
  readonly serverTimeMs?: number;
  /** The service gave a lifetime: `expiresAtMs` counts from the response, by the local clock if it had no `Date`. */
  readonly hasRelativeExpiry?: boolean;
}

/**
 * A failed exchange. The kind says when another attempt makes sense:
 * - `terminal`: after a login with another credential (google.rpc.Status code 3, 7, 9 or 16, or an OAuth error);
 * - `interaction_required`: after a `login` or `refresh`, with a person at the keyboard;
 * - `transient`: later, automatically.
 */
export interface ExchangeFailure {
  readonly kind: 'terminal' | 'interaction_required' | 'transient';
  /** One sentence for the user: the service's own message, or why the request failed. */
  readonly message: string;
  /** What the user can do about it. */
  readonly hint?: Hint;
  /** The cause may go away without a login, such as a missing role (google.rpc code 7) or program: the schedule retries. */
  readonly retryOnSchedule?: boolean;
  /** Error code for requests, if it is more specific than the kind. */
  readonly code?: ErrorCode;
  /** The token looks expired by the local clock, and no `Date` confirms it: once the clock is set, another attempt may succeed. */
  readonly suspectsClock?: boolean;
  /** The service's `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number;
  /** IAM's clock at the time of its response; absent without a response. */
  readonly serverTimeMs?: number;
}

export type ExchangeOutcome<Value> = (
  | { readonly ok: true; readonly issuedToken: IssuedToken<Value> }
  | { readonly ok: false; readonly failure: ExchangeFailure }
) & {
  /** A new credential from the service, which replaces the current one even if the exchange failed; to be stored before use. */
  readonly replacement?: Secret;
};

/** Exchanges one credential for tokens, as often as needed. */
export interface TokenSource<Value> {
  /**
   * Never throws for a failure of the network or the service. After an abort it resolves soon, with a `transient`
   * failure.
   * @param interactive a person is waiting: the source may open a browser or a prompt
   */
  exchange(signal: AbortSignal, interactive: boolean): Promise<ExchangeOutcome<Value>>;
  /**
   * Looks whether the service answers at all, without a credential; absent if nothing can tell. Resolves within 5 s.
   * @returns what it answers; another value is another answer. `null` without an answer
   */
  probe?(): Promise<string | null>;
}

export type IamTokenSource = TokenSource<Secret>;
