/**
 * Checks of what the daemon says, by hand, for the client loads no package. Each gives back the value, typed, or throws
 * an error that names the place; fields that are not known are left out.
 */
import { errorCodes, type Problem } from '../shared/errors.ts';
import type { Given } from '../shared/given.ts';

export type Check<T> = (value: unknown, where: string) => T;
/** What a check lets through. */
export type Checked<C> = C extends Check<infer T> ? T : never;

type Fields = Readonly<Record<string, Check<unknown>>>;
export type Shape<F extends Fields> = Given<{ [K in keyof F]: Checked<F[K]> }>;

export function wrong(where: string, expected: string): never {
  throw new Error(`${where} is not ${expected}`);
}

export function shape<F extends Fields>(fields: F): Check<Shape<F>> {
  return (value, where) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(where, 'an object');
    const given = value as Readonly<Record<string, unknown>>;
    const taken: Record<string, unknown> = {};
    for (const [name, check] of Object.entries(fields)) {
      const checked = check(given[name], `${where}.${name}`);
      if (checked !== undefined) taken[name] = checked;
    }
    return taken as Shape<F>;
  };
}

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) return wrong(where, 'a list');
    return value.map((item, index) => check(item, `${where}[${index}]`));
  };
}

export function oneOf<const T extends string>(...choices: readonly T[]): Check<T> {
  return (value, where) =>
    choices.find((choice) => choice === value) ?? wrong(where, `one of ${choices.join(', ')}`);
}

export function orNull<T>(check: Check<T>): Check<T | null> {
  return (value, where) => (value === null ? null : check(value, where));
}

export function orNothing<T>(check: Check<T>): Check<T | undefined> {
  return (value, where) => (value === undefined ? undefined : check(value, where));
}

export const text: Check<string> = (value, where) =>
  typeof value === 'string' ? value : wrong(where, 'a text');

export const number: Check<number> = (value, where) =>
  typeof value === 'number' && Number.isFinite(value) ? value : wrong(where, 'a number');

export const truth: Check<boolean> = (value, where) =>
  typeof value === 'boolean' ? value : wrong(where, 'true or false');

/** RFC 3339, UTC, milliseconds. */
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

export const problem: Check<Problem> = shape({
  code,
  message: text,
  hint: orNothing(text),
  retryAfterMs: orNothing(number),
});
