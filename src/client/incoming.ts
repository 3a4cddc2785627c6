import { type EventMessage, protocolVersion } from '../protocol/messages.ts';
import { errorCodes, type Problem } from '../shared/errors.ts';
import { type Check, number, oneOf, orNothing, orNull, shape, text, wrong } from './checks.ts';

export const moment: Check<string> = (value, where) =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
  !Number.isNaN(Date.parse(value))
    ? value
    : wrong(where, 'a time');

/** A code from a newer daemon is as good as `internal`: its message still says what happened. */
const code: Check<Problem['code']> = (value, where) =>
  errorCodes.find((known) => known === value) ??
  (typeof value === 'string' ? 'internal' : wrong(where, 'a code'));

export const problem = shape<Problem>({
  code,
  message: text,
  hint: orNothing(text),
  retryAfterMs: orNothing(number),
});

/** What a frame from the daemon is; its innards are still to be checked. */
export type Incoming =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  /** `id` is `null` where the daemon could not tell which request it was. */
  | { readonly kind: 'error'; readonly id: number | null; readonly problem: Problem }
  | { readonly kind: 'event'; readonly event: EventMessage }
  /** An event that only a newer client knows. */
  | { readonly kind: 'unknown' };

const events = ['rotated', 'failing', 'login_required', 'locked'] as const;

const eventMessage = shape<EventMessage>({
  v: number,
  event: oneOf(events),
  params: shape<EventMessage['params']>({
    profile: text,
    expiresAt: orNothing(moment),
    problem: orNothing(problem),
  }),
});

/**
 * An error is understood in any version, so that a daemon of another one can still say so.
 * @throws WrongAnswer
 */
export function checkIncoming(data: unknown): Incoming {
  if (typeof data !== 'object' || data === null) return wrong('a message', 'an object');
  const { v, id, event, error, result }: Partial<Record<'v' | 'id' | 'event' | 'error' | 'result', unknown>> =
    data;
  if (error !== undefined) {
    return { kind: 'error', id: orNull(number)(id, 'id'), problem: problem(error, 'the error') };
  }
  if (v !== protocolVersion) return wrong('v', `${protocolVersion}`);
  if (event === undefined) return { kind: 'result', id: number(id, 'id'), result };
  if (!events.some((known) => known === event)) return { kind: 'unknown' };
  return { kind: 'event', event: eventMessage(data, 'an event') };
}
