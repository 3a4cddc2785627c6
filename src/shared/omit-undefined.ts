/** Properties that may be undefined become optional. */
export type OptionalFields<T> = {
  readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The same object without its undefined values, as `exactOptionalPropertyTypes` requires. */
export function omitUndefined<T extends object>(values: T): OptionalFields<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as OptionalFields<T>;
}
