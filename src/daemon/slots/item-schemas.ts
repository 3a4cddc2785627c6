import * as v from 'valibot';
import { isIamToken } from '../../protocol/validate.ts';
import { isResourceId } from '../../shared/resource-id.ts';
import { maxTokenLength } from '../../sources/exchange/token-response.ts';
import { maxTokenLifetimeMs } from '../../token/token.ts';

const anchorSchema = v.object({
  path: v.pipe(v.string(), v.maxLength(4_096)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

/** What the store has for a slot: the credential, and the installation and certificates that verified it. */
export const credentialItemSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    v: v.literal(1),
    kind: v.string(),
    endpoint: v.string(),
    audience: v.string(),
    credential: v.string(),
    anchors: v.exactOptional(v.array(anchorSchema)),
  }),
);

/** The last time whose year has four digits, as the wire's format requires. */
const maxTimeMs = Date.UTC(10_000, 0) - 1;
const timestampSchema = v.pipe(v.number(), v.minValue(0), v.maxValue(maxTimeMs));

/** The last IAM token. */
export const tokenItemSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    v: v.literal(1),
    token: v.pipe(v.string(), v.maxLength(maxTokenLength), v.check(isIamToken)),
    subject: v.nullable(v.pipe(v.string(), v.check(isResourceId))),
    expiresAtMs: timestampSchema,
    receivedAtMs: timestampSchema,
    clockOffsetMs: v.pipe(v.number(), v.minValue(-maxTimeMs), v.maxValue(maxTimeMs)),
  }),
  v.check(({ expiresAtMs, receivedAtMs }) => expiresAtMs - receivedAtMs <= 2 * maxTokenLifetimeMs),
);
