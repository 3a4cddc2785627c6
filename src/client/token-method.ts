/** The one method on the way to a token; the others are in `methods.ts`, which that way does without. */
import type { Answer, Method } from '../protocol/messages.ts';
import { number, type Check, orNothing, orNull, shape, text, wrong } from './checks.ts';
import { moment, problem } from './incoming.ts';

/** One method: the words of its parameters and answer are in `src/protocol/messages.ts`. */
export interface AskedMethod<M extends Method> {
  readonly name: M;
  readonly check: Check<Answer<M>>;
}

export function method<M extends Method>(name: M, check: Check<Answer<M>>): AskedMethod<M> {
  return { name, check };
}

/** A token ends up in a header and on a terminal: visible ASCII alone may stand in it. */
const token: Check<string> = (value, where) =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : wrong(where, 'a token');

export const tokenMethod = method(
  'token',
  shape<Answer<'token'>>({
    token,
    expiresAt: moment,
    profile: text,
    subject: orNull(text),
    warning: orNothing(problem),
    clockOffsetMs: orNothing(number),
  }),
);
