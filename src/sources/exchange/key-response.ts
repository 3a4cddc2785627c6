/** Parses what IAM returns about authorized keys (yandex.cloud/en/docs/iam/api-ref/Key, November 2026). */
import * as v from 'valibot';
import { isResourceId } from '../../shared/resource-id.ts';
import type { ListedKey } from './listed-key.ts';
import { parseTimestampMs } from './token-response.ts';

const idSchema = v.pipe(v.string(), v.check(isResourceId));
const timeSchema = v.fallback(
  v.optional(v.pipe(v.string(), v.transform(parseTimestampMs), v.number())),
  undefined,
);

const keySchema = v.pipe(
  v.object({
    id: idSchema,
    serviceAccountId: idSchema,
    description: v.optional(v.string(), ''),
    createdAt: timeSchema,
    lastUsedAt: timeSchema,
  }),
  v.transform(({ id, serviceAccountId, description, createdAt, lastUsedAt }): ListedKey => ({
    id,
    serviceAccountId,
    description,
    ...(createdAt === undefined ? {} : { createdAtMs: createdAt }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAtMs: lastUsedAt }),
  })),
);

const pageSchema = v.object({
  keys: v.optional(v.array(keySchema), []),
  nextPageToken: v.optional(v.string(), ''),
});

/** `null` if the body is not a key. */
export function parseListedKey(body: object): ListedKey | null {
  return parse(keySchema, body);
}

/** A page of the list; `null` if the body is none. An empty token: the last page. */
export function parseKeyPage(
  body: object,
): { readonly keys: readonly ListedKey[]; readonly nextPageToken: string } | null {
  return parse(pageSchema, body);
}

function parse<T>(schema: v.GenericSchema<unknown, T>, body: object): T | null {
  const parsed = v.safeParse(schema, body);
  return parsed.success ? parsed.output : null;
}
