/** What the daemon and its keychain helper say to each other, over the channel that `fork` gives them. */
import { errorCodes, type Problem } from '../shared/errors.ts';

export type HelperRequest =
  /** Answered with the problem where the keychain is not open. */
  | { readonly op: 'state' }
  /** Opens the keychain, with a prompt where that takes one. */
  | { readonly op: 'unlock' }
  | { readonly op: 'read' | 'remove'; readonly key: string }
  | { readonly op: 'write'; readonly key: string; readonly value: string };

export type NumberedRequest = HelperRequest & { readonly id: number };

export type HelperAnswer =
  /** `value`: what was read; `null` where nothing was, or nothing was to be. */
  | { readonly id: number; readonly ok: true; readonly value: string | null }
  /** `spent`: this helper is of no use any more; another one may do better. */
  | { readonly id: number; readonly ok: false; readonly problem: Problem; readonly spent: boolean };

type Fields = Readonly<Record<string, unknown>>;

/** The request in a message; `null` for anything else. Daemon and helper may be of two versions. */
export function requestIn(message: unknown): NumberedRequest | null {
  const { id, op, key, value } = fieldsOf(message);
  const good =
    op === 'state' ||
    op === 'unlock' ||
    (typeof key === 'string' &&
      (op === 'read' || op === 'remove' || (op === 'write' && typeof value === 'string')));
  return typeof id === 'number' && good ? (message as NumberedRequest) : null;
}

/** The answer in a message; `null` for anything else. */
export function answerIn(message: unknown): HelperAnswer | null {
  const { id, ok, value, problem, spent } = fieldsOf(message);
  const good =
    ok === true
      ? value === null || typeof value === 'string'
      : ok === false && isProblem(fieldsOf(problem)) && typeof spent === 'boolean';
  return typeof id === 'number' && good ? (message as HelperAnswer) : null;
}

function isProblem({ code, message, hint }: Fields): boolean {
  const known = errorCodes.some((known) => known === code);
  return known && typeof message === 'string' && (hint === undefined || typeof hint === 'string');
}

function fieldsOf(message: unknown): Fields {
  return typeof message === 'object' && message !== null ? (message as Fields) : {};
}
