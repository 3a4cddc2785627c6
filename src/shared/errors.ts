import { messageOf } from './thrown.ts';

/**
 * Every way a request can fail, as it stands on the wire. A closed list: PROTOCOL.md documents each code, and
 * `src/cli/exit-codes.ts` gives each its exit code.
 */
export const errorCodes = [
  'bad_request',
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

/** A failure as data: what happened, what to do about it, and when to ask again. Never holds a secret. */
export interface Problem {
  readonly code: ErrorCode;
  /** One sentence, lower case, no full stop. */
  readonly message: string;
  /** What the person can do, best as a command to type. */
  readonly hint?: string;
  /** Milliseconds until a new attempt can have another outcome; with `unavailable` and `too_busy` only. */
  readonly retryAfterMs?: number;
}

/** A `Problem` that is thrown: at the edges, where the caller has no better answer than to pass it on. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.message, options);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

/** The problem within any thrown thing; what nobody foresaw becomes `internal`. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof ProblemError) return thrown.problem;
  return { code: 'internal', message: messageOf(thrown) };
}
