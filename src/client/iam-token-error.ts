import type { ErrorCode } from '../shared/errors.ts';

/** The protocol's codes, and `unreachable` for a daemon that is not there. */
export type IamTokenErrorCode = ErrorCode | 'unreachable';

export interface AboutError extends ErrorOptions {
  readonly hint?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Why there is no token. `cause` is what lies below, where something does. */
export class IamTokenError extends Error {
  override readonly name = 'IamTokenError';
  readonly code: IamTokenErrorCode;
  /** What to do about it, best as a command to type. */
  readonly hint: string | undefined;
  /** Milliseconds until a new attempt can have another outcome; with `unavailable` and `too_busy` only. */
  readonly retryAfterMs: number | undefined;

  constructor(code: IamTokenErrorCode, message: string, about: AboutError = {}) {
    super(message, about);
    this.code = code;
    this.hint = about.hint;
    this.retryAfterMs = about.retryAfterMs;
  }
}
