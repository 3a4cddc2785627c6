import * as v from 'valibot';
import { Secret } from '../../shared/secret.ts';
import type { ExchangeOutcome } from '../../token/token-source.ts';
import { createInvalidResponse, parseExpiry, validateLifetime } from './token-response.ts';

/** Temporary keys with which AWS tools access Object Storage. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
}

/** Visible ASCII, since the keys go into headers. */
const keyPartSchema = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,4096}$/));
const awsKeysSchema = v.object({
  accessKeyId: keyPartSchema,
  secret: keyPartSchema,
  sessionToken: keyPartSchema,
  expiresAt: v.string(),
});

/**
 * Parses `{"accessKeyId":"…","secret":"…","sessionToken":"…","expiresAt":"…"}`.
 * @param nowMs by IAM's clock, if known
 */
export function parseAwsKeysResponse(body: object, nowMs: number): ExchangeOutcome<AwsKeys> {
  const parsed = v.safeParse(awsKeysSchema, body);
  if (!parsed.success) return createInvalidResponse('IAM', 'the access keys are incomplete');
  const { accessKeyId, secret, sessionToken, expiresAt } = parsed.output;
  const keys: AwsKeys = {
    accessKeyId,
    secretAccessKey: new Secret(secret),
    sessionToken: new Secret(sessionToken),
  };
  return validateLifetime('IAM', keys, null, parseExpiry(expiresAt), nowMs);
}
