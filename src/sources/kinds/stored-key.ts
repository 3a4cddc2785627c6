import * as v from 'valibot';
import { Secret } from '../../shared/secret.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { parseStored } from '../parse-stored.ts';
import type { AuthorizedKey } from './authorized-key.ts';

/** Only what signing needs, so that a 4,096-bit key fits the Windows Credential Manager. */
const storedSchema = v.object({
  id: v.string(),
  serviceAccountId: v.string(),
  /** PKCS #8, DER, base64. */
  key: v.string(),
  /** Absent if unknown, as in items of release 0.1.0. */
  createdAtMs: v.exactOptional(v.number()),
});
export type StoredKey = v.InferOutput<typeof storedSchema>;

/** An authorized key as the store holds it. */
export function formatStoredKey({ id, serviceAccountId, privateKey, createdAtMs }: AuthorizedKey): Secret {
  const key = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  const stored: StoredKey = { id, serviceAccountId, key, ...omitUndefined({ createdAtMs }) };
  return new Secret(JSON.stringify(stored));
}

/** @throws IamTokenError `login_required` if another release wrote it */
export function parseStoredKey(credential: Secret): StoredKey {
  return parseStored(storedSchema, credential);
}
