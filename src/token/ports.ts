import type { ErrorCode } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';

/** What a source got in exchange for its credential. */
export interface Exchanged {
  readonly token: Secret;
  /** Milliseconds since the Unix epoch, by IAM's clock. */
  readonly expiresAtMs: number;
  readonly subject: string | null;
  /** IAM's own clock when it answered (its `Date` header), where there was one. */
  readonly serverTimeMs?: number;
}

/**
 * Why an exchange failed, by what can be done about it:
 * - `terminal`: the service refused this credential for good (google.rpc.Status 3, 7, 9, 16, or an OAuth error);
 * - `needs_person`: only somebody at the keyboard can go on;
 * - `transient`: anything else; it may work later.
 */
export interface ExchangeFailure {
  readonly kind: 'terminal' | 'needs_person' | 'transient';
  /** One sentence for the person: what the service said, or what went wrong on the way. */
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Refused for what others may set right meanwhile, as a missing right (google.rpc code 7). */
  readonly mayHeal?: boolean;
  /** What a request is answered with, where that says more than the kind does. */
  readonly code?: ErrorCode;
  /** How long the service asked to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  /** IAM's own clock when it answered, where there was an answer. */
  readonly serverTimeMs?: number;
}

export type ExchangeOutcome = (
  | { readonly ok: true; readonly exchanged: Exchanged }
  | { readonly ok: false; readonly failure: ExchangeFailure }
) & {
  /** The service gave another credential for this one, whatever came of the rest: to be stored before it is used. */
  readonly replacement?: Secret;
};

/** One credential that can be exchanged for IAM tokens, again and again. */
export interface IamTokenSource {
  /**
   * Never throws for what the network or the service does: that is an outcome. Aborted, it ends soon, with a
   * `transient` failure.
   * @param interactive somebody is at the keyboard and asked for this: the source may open a browser or a prompt
   */
  exchange(signal: AbortSignal, interactive: boolean): Promise<ExchangeOutcome>;
}
