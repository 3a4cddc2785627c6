import * as v from 'valibot';
import type { Call } from './route.ts';
import { type Reply, rpcCode, rpcStatus } from './reply.ts';

export type JsonRequest<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reply: Reply };

/** Reads a body as strictly as IAM does: JSON by its content type, an object, no field that is not known. */
export function readJson<T>({ headers, body }: Call, schema: v.GenericSchema<unknown, T>): JsonRequest<T> {
  const refused = (message: string): JsonRequest<T> => ({
    ok: false,
    reply: rpcStatus(rpcCode.invalidArgument, message),
  });
  if (!/^application\/json\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    return refused('Content-Type must be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return refused('The request body is not valid JSON');
  }
  // An array is an object to valibot.
  const parsed = v.safeParse(schema, Array.isArray(value) ? null : value);
  if (parsed.success) return { ok: true, value: parsed.output };
  // Not the message of valibot's own: it would quote what it was given, and that may be a secret.
  const fields = new Set(parsed.issues.map((issue) => v.getDotPath(issue) ?? 'the request body'));
  return refused(`Illegal argument: ${[...fields].join(', ')}`);
}
