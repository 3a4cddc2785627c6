import * as v from 'valibot';

/** Accepts anything, and returns a value of this type or an issue. */
export type Schema<T = unknown> = v.GenericSchema<unknown, T>;

/**
 * Schemas of the wire are functions, like those of valibot: to build all of them takes 1 ms in a new process, and
 * `iam-token` needs one.
 */
export type SchemaFactory = () => Schema;

/** The values that a schema accepts. */
export type Validated<S extends SchemaFactory> = DeepReadonly<v.InferOutput<ReturnType<S>>>;

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  /** `issue` names the first invalid field and its rule; it never quotes the value, which may be a secret. */
  | { readonly ok: false; readonly issue: string };

/**
 * Drops unknown fields.
 * @param name of the value in an issue: `params` in `params.minTtlMs must be a number`
 */
export function validate<T>(schema: Schema<T>, value: unknown, name: string): Validation<T> {
  const { success, output, issues } = v.safeParse(schema, value, { abortEarly: true, message: formatRule });
  if (success) return { ok: true, value: output };
  const [{ path = [], message }] = issues;
  return { ok: false, issue: `${name}${path.map(formatKey).join('')} ${message}` };
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Visible ASCII only: a token is printed to terminals and sent in headers. */
export function isIamToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  Array: 'an array',
  Object: 'an object',
};

/** For schemas without a message of their own: the default one of valibot quotes the value. */
function formatRule({ expected, received }: v.BaseIssue<unknown>): string {
  if (received === 'undefined') return 'is missing';
  return `must be ${typeNames[expected ?? ''] ?? expected ?? 'something else'}`;
}

function formatKey({ key }: v.IssuePathItem): string {
  return typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
}
