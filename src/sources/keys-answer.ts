import * as v from 'valibot';
import { Secret } from '../shared/secret.ts';
import type { ExchangeOutcome } from '../token/ports.ts';
import { failed } from './ask.ts';
import { believedLife, expiryIn } from './iam-token-answer.ts';

/** Visible ASCII: they go into headers. */
const part = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,4096}$/));
const schema = v.object({ accessKeyId: part, secret: part, sessionToken: part, expiresAt: v.string() });

/** What the daemon keeps of such keys, as JSON in one secret. */
export interface KeptKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/**
 * Reads `{"accessKeyId":"…","secret":"…","sessionToken":"…","expiresAt":"…"}`.
 * @param body a JSON object
 * @param nowMs by IAM's own clock, where that is known
 */
export function readKeysAnswer(body: object, nowMs: number): ExchangeOutcome {
  const parsed = v.safeParse(schema, body);
  if (!parsed.success) return failed('transient', "IAM's answer holds no whole keys");
  const { accessKeyId, secret: secretAccessKey, sessionToken, expiresAt } = parsed.output;
  const kept: KeptKeys = { accessKeyId, secretAccessKey, sessionToken };
  return believedLife('IAM', new Secret(JSON.stringify(kept)), null, expiryIn(expiresAt), nowMs);
}
