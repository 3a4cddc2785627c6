/** The methods on the way to a token; that way does without the others, which are in `methods.ts`. */
import type { Problem } from '../shared/errors.ts';
import { type Check, moment, number, orNothing, orNull, problem, shape, text, wrong } from './checks.ts';

/** A method's name, and the check of its answer. */
export interface CheckedMethod<M extends string, T> {
  readonly name: M;
  readonly check: Check<T>;
}

export function method<const M extends string, T>(name: M, check: Check<T>): CheckedMethod<M, T> {
  return { name, check };
}

export const hello = method(
  'hello',
  // The last two belong to a Windows pipe: `challenge.ts`.
  shape({ version: text, protocol: number, nonce: orNothing(text), proof: orNothing(text) }),
);

/** Written out, for it is what the library gives. */
export interface TokenAnswer {
  readonly token: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly expiresAt: string;
  readonly profile: string;
  /** Id of the account that the token speaks for; `null` where it is not known. */
  readonly subject: string | null;
  /** Renewal does not work and will not by itself: what to do before this token ends. */
  readonly warning?: Problem;
  /** IAM's clock minus the local one, by which to read `expiresAt`; absent while they agree to within a minute. */
  readonly clockOffsetMs?: number;
}

/** A token ends up in a header and on a terminal: visible ASCII alone may stand in it. */
const iamToken: Check<string> = (value, where) =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : wrong(where, 'a token');

export const token = method<'token', TokenAnswer>(
  'token',
  shape({
    token: iamToken,
    expiresAt: moment,
    profile: text,
    subject: orNull(text),
    warning: orNothing(problem),
    clockOffsetMs: orNothing(number),
  }),
);
