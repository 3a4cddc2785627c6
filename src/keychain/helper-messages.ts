/** What the daemon and its keychain helper say to each other, over the channel that `fork` gives them. */
import { errorCodes, type Problem } from '../shared/errors.ts';

export type HelperRequest =
  /** Answered with the problem where the keychain is not open. */
  | { readonly op: 'state' }
  /** Opens the keychain, with a prompt where that takes one. */
  | { readonly op: 'unlock' }
  | { readonly op: 'read'; readonly key: string }
  | { readonly op: 'write'; readonly key: string; readonly value: string }
  | { readonly op: 'remove'; readonly key: string };

export type NumberedRequest = HelperRequest & { readonly id: number };

export type HelperAnswer =
  /** `value`: what was read; `null` where nothing was, or nothing was to be. */
  | { readonly id: number; readonly ok: true; readonly value: string | null }
  /** `spent`: this helper is of no use any more; another one may do better. */
  | { readonly id: number; readonly ok: false; readonly problem: Problem; readonly spent: boolean };

/** The request in a message; `null` for anything else. */
export function requestIn(message: unknown): NumberedRequest | null {
  if (!isObject(message) || typeof message['id'] !== 'number') return null;
  const { op, key, value } = message;
  if (op === 'state' || op === 'unlock') return message as unknown as NumberedRequest;
  if (typeof key !== 'string') return null;
  if (op === 'read' || op === 'remove') return message as unknown as NumberedRequest;
  return op === 'write' && typeof value === 'string' ? (message as unknown as NumberedRequest) : null;
}

/** The answer in a message; `null` for anything else. The helper may be of another version than the daemon. */
export function answerIn(message: unknown): HelperAnswer | null {
  if (!isObject(message) || typeof message['id'] !== 'number') return null;
  const { ok, value, problem, spent } = message;
  const good = ok === true && (value === null || typeof value === 'string');
  const bad = ok === false && isProblem(problem) && typeof spent === 'boolean';
  return good || bad ? (message as unknown as HelperAnswer) : null;
}

function isProblem(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { code, message, hint } = value;
  const known = errorCodes.some((known) => known === code);
  return known && typeof message === 'string' && (hint === undefined || typeof hint === 'string');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
