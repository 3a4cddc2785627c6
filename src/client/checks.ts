/**
 * Checks of foreign data, by hand: the client loads no package. Each gives back the value, typed, or throws; fields that
 * are not known are left out.
 */

/** The daemon said something that the protocol does not know. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export type Check<T> = (value: unknown, where: string) => T;

export function wrong(where: string, expected: string): never {
  throw new WrongAnswer(`${where} is not ${expected}`);
}

type Fields<T> = {
  readonly [K in keyof T]-?: Check<T[K] | (object extends Pick<T, K> ? undefined : never)>;
};

export function shape<T extends object>(fields: Fields<T>): Check<T> {
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

export function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) return wrong(where, 'a list');
    return value.map((item, index) => check(item, `${where}[${index}]`));
  };
}

export function oneOf<const T extends string>(choices: readonly T[]): Check<T> {
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
