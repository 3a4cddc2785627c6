import { errorMessage } from './error-utils.ts';
import { formatHint, type Hint, type HintProfile } from './hint.ts';
import { omitUndefined } from './omit-undefined.ts';

/**
 * The error codes of the wire protocol, a closed list. PROTOCOL.md documents them, and
 * `src/cli/parsing/exit-codes.ts` maps each to an exit code.
 */
export const errorCodes = [
  'bad_request',
  'forbidden',
  'unknown_method',
  'unsupported_version',
  'unknown_profile',
  'login_required',
  'unavailable',
  'keychain_locked',
  'keychain_unavailable',
  'locked',
  'too_busy',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** A failure as data: what happened, what to do about it, and when to try again. Never holds a secret. */
export interface Problem {
  readonly code: ErrorCode;
  /** One sentence, lower case, no full stop. */
  readonly message: string;
  readonly hint?: Hint;
  /** Milliseconds until another attempt can succeed; with `unavailable` and `too_busy` only. */
  readonly retryAfterMs?: number;
}

/** A problem as it is sent: its hint is text. */
export interface WireProblem extends Problem {
  readonly hint?: string;
}

/** @param profile the profile that the problem is about, for the commands in its hint */
export function renderProblem({ hint, ...problem }: Problem, profile?: HintProfile): WireProblem {
  return hint === undefined ? problem : { ...problem, hint: formatHint(hint, profile) };
}

/** The codes of the protocol, and `unreachable`: the client cannot reach the daemon. */
export type IamTokenErrorCode = ErrorCode | 'unreachable';

/** The fields of a problem, with the codes of the client. */
export interface IamTokenErrorFields {
  readonly code: IamTokenErrorCode;
  readonly message: string;
  readonly hint?: Hint | undefined;
  readonly retryAfterMs?: number | undefined;
}

/**
 * A `Problem` that is thrown; `cause` is the error behind it, if there is one.
 *
 * @example
 * try {
 *   await getIamToken();
 * } catch (error) {
 *   if (error instanceof IamTokenError && error.code === 'login_required') console.error(error.hint);
 * }
 */
export class IamTokenError extends Error {
  override readonly name: string = 'IamTokenError';
  readonly code: IamTokenErrorCode;
  /** What to do about it, one step per line; a command to type if one helps. */
  readonly hint: string | undefined;
  /** Milliseconds until another attempt can succeed; with `unavailable` and `too_busy` only. */
  readonly retryAfterMs: number | undefined;
  readonly #hint: Hint | undefined;

  constructor({ code, message, hint, retryAfterMs }: IamTokenErrorFields, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = hint === undefined ? undefined : formatHint(hint);
    this.retryAfterMs = retryAfterMs;
    this.#hint = hint;
  }

  /** The hint as data, for the daemon to render with the profile that the problem is about. */
  get unrenderedHint(): Hint | undefined {
    return this.#hint;
  }
}

/** The problem that an error carries, its hint still data; `internal` for an unexpected error. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof IamTokenError) || error.code === 'unreachable') {
    return { code: 'internal', message: errorMessage(error) };
  }
  const { code, message, unrenderedHint: hint, retryAfterMs } = error;
  return { code, message, ...omitUndefined({ hint, retryAfterMs }) };
}
