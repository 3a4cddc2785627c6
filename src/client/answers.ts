/**
 * What the daemon sends, checked by hand at the border: the client loads no package. Fields that are not known here are
 * left out, so that what comes from a newer daemon has the documented shape.
 */
import {
  type Answer,
  type DaemonStatus,
  type EventMessage,
  type Method,
  type ProfileStatus,
  type ProfileSummary,
  protocolVersion,
} from '../protocol/messages.ts';
import { errorCodes, type Problem } from '../shared/errors.ts';

/** The daemon said something that the protocol does not know. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

type Check<T> = (value: unknown, where: string) => T;

function wrong(where: string, expected: string): never {
  throw new WrongAnswer(`${where} is not ${expected}`);
}

type Fields<T> = {
  readonly [K in keyof T]-?: Check<T[K] | (object extends Pick<T, K> ? undefined : never)>;
};

function shape<T extends object>(fields: Fields<T>): Check<T> {
  return (value, where) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(where, 'an object');
    const given = value as Readonly<Record<string, unknown>>;
    const taken: Record<string, unknown> = {};
    for (const [name, check] of Object.entries<Check<unknown>>(fields)) {
      const checked = check(given[name], `${where}.${name}`);
      if (checked !== undefined) taken[name] = checked;
    }
    return taken as T;
  };
}

function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) return wrong(where, 'a list');
    return value.map((item, index) => check(item, `${where}[${index}]`));
  };
}

function oneOf<const T extends string>(choices: readonly T[]): Check<T> {
  return (value, where) =>
    choices.find((choice) => choice === value) ?? wrong(where, `one of ${choices.join(', ')}`);
}

function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, where) => (value === null ? null : check(value, where));
}

function orNothing<T>(check: Check<T>): Check<T | undefined> {
  return (value, where) => (value === undefined ? undefined : check(value, where));
}

const text: Check<string> = (value, where) => (typeof value === 'string' ? value : wrong(where, 'a text'));

const number: Check<number> = (value, where) =>
  typeof value === 'number' && Number.isFinite(value) ? value : wrong(where, 'a number');

const truth: Check<boolean> = (value, where) =>
  typeof value === 'boolean' ? value : wrong(where, 'true or false');

const moment: Check<string> = (value, where) =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
  !Number.isNaN(Date.parse(value))
    ? value
    : wrong(where, 'a time');

/** A token ends up in a header and on a terminal: visible ASCII alone may stand in it. */
const token: Check<string> = (value, where) =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : wrong(where, 'a token');

/** A code from a newer daemon is as good as `internal`: its message still says what happened. */
const code: Check<Problem['code']> = (value, where) =>
  errorCodes.find((known) => known === value) ??
  (typeof value === 'string' ? 'internal' : wrong(where, 'a code'));

const problem = shape<Problem>({
  code,
  message: text,
  hint: orNothing(text),
  retryAfterMs: orNothing(number),
});

const profileStatus = shape<ProfileStatus>({
  profile: text,
  isDefault: truth,
  kind: text,
  endpoint: text,
  state: oneOf([
    'loading',
    'ok',
    'renewing',
    'failing',
    'login_required',
    'keychain_locked',
    'keychain_unavailable',
    'locked',
  ]),
  subject: orNull(text),
  expiresAt: orNull(moment),
  timeLeftMs: orNull(number),
  nextRenewalAt: orNull(moment),
  problem: orNull(problem),
  trouble: orNull(
    shape<NonNullable<ProfileStatus['trouble']>>({
      message: text,
      since: moment,
      lastAt: moment,
      count: number,
    }),
  ),
  successesInHour: number,
  attemptsInHour: number,
  clockOffsetMs: number,
});

const renewed = shape<Answer<'refresh'>>({ profile: text, subject: orNull(text), expiresAt: moment });
const nothing = shape<Record<string, never>>({});

const checks: { readonly [M in Method]: Check<Answer<M>> } = {
  hello: shape<Answer<'hello'>>({ version: text, protocol: number }),
  token: shape<Answer<'token'>>({
    token,
    expiresAt: moment,
    profile: text,
    subject: orNull(text),
    warning: orNothing(problem),
  }),
  status: shape<Answer<'status'>>({
    daemon: shape<DaemonStatus>({
      version: text,
      pid: number,
      startedAt: moment,
      store: shape<DaemonStatus['store']>({
        kind: text,
        state: oneOf(['open', 'closed']),
        problem: orNull(problem),
      }),
    }),
    profiles: listOf(profileStatus),
    next: orNull(text),
  }),
  refresh: renewed,
  login: renewed,
  logout: shape<Answer<'logout'>>({ profile: text }),
  profiles: shape<Answer<'profiles'>>({
    profiles: listOf(shape<ProfileSummary>({ profile: text, isDefault: truth, kind: text })),
    next: orNull(text),
  }),
  use: shape<Answer<'use'>>({ profile: text }),
  subscribe: nothing,
  stop: nothing,
};

/** @throws WrongAnswer */
export function checkAnswer<M extends Method>(method: M, result: unknown): Answer<M> {
  return checks[method](result, `the answer to ${method}`);
}

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
  const frame = shape<{ readonly v: number; readonly id?: unknown; readonly event?: unknown }>({
    v: number,
    id: (value) => value,
    event: (value) => value,
  })(data, 'a message');
  const { error, result } = data as { readonly error?: unknown; readonly result?: unknown };
  if (error !== undefined) {
    return { kind: 'error', id: orNull(number)(frame.id, 'id'), problem: problem(error, 'the error') };
  }
  if (frame.v !== protocolVersion) return wrong('v', `${protocolVersion}`);
  if (frame.event !== undefined) {
    if (!events.some((known) => known === frame.event)) return { kind: 'unknown' };
    return { kind: 'event', event: eventMessage(data, 'an event') };
  }
  return { kind: 'result', id: number(frame.id, 'id'), result };
}
