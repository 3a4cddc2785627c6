import * as v from 'valibot';
import type { CertificateAnchor } from '../../config/certificate-files.ts';
import { IamTokenError } from '../../shared/errors.ts';
import { Secret } from '../../shared/secret.ts';
import type { Installation } from '../../sources/credential-kind.ts';
import type { PersistedToken } from '../../token/token.ts';
import { credentialItemSchema, tokenItemSchema } from './item-schemas.ts';

/** A credential and the installation that verified it; it is never sent to another. */
export interface StoredCredential extends Installation {
  readonly kind: string;
  readonly credential: Secret;
  /** The certificates that the verifying exchange trusted; absent in items of release 0.1.0. */
  readonly anchors?: readonly CertificateAnchor[];
}

/** `null` for an empty slot. @throws IamTokenError `login_required` if the item was not written by iam-tokend */
export function parseCredential(serializedItem: Secret | null): StoredCredential | null {
  if (serializedItem === null) return null;
  const parsed = v.safeParse(credentialItemSchema, serializedItem.expose());
  if (!parsed.success) {
    throw new IamTokenError({
      code: 'login_required',
      message: 'the stored credential was not written by iam-tokend',
      hint: { command: 'login' },
    });
  }
  const { v: _, credential, ...fields } = parsed.output;
  return { ...fields, credential: new Secret(credential) };
}

/** `null` also for an invalid item, as the credential can be exchanged again. */
export function parseToken(serializedItem: Secret | null): PersistedToken<Secret> | null {
  const parsed = serializedItem === null ? null : v.safeParse(tokenItemSchema, serializedItem.expose());
  if (parsed?.success !== true) return null;
  const { token, subject, expiresAtMs, receivedAtMs, clockOffsetMs } = parsed.output;
  return { token: { value: new Secret(token), subject, expiresAtMs, receivedAtMs }, clockOffsetMs };
}
