import { constants, verify } from 'node:crypto';
import * as v from 'valibot';

/** JWS Compact Serialization (RFC 7515, section 7.1), taken apart and not yet believed. */
export interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: string;
  readonly signature: Buffer;
}

const objectSchema = v.record(v.string(), v.unknown());

/** `null` for what is no JWT. */
export function parseJwt(text: string): Jwt | null {
  const parts = text.split('.');
  const [header, claims, signature] = parts;
  if (parts.length !== 3 || header === undefined || claims === undefined || signature === undefined)
    return null;
  if (!parts.every((part) => /^[\w-]+$/.test(part))) return null;
  const parsedHeader = objectIn(header);
  const parsedClaims = objectIn(claims);
  if (parsedHeader === null || parsedClaims === null) return null;
  return {
    header: parsedHeader,
    claims: parsedClaims,
    signed: `${header}.${claims}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

function objectIn(part: string): Readonly<Record<string, unknown>> | null {
  try {
    return v.parse(objectSchema, JSON.parse(Buffer.from(part, 'base64url').toString()));
  } catch {
    // Whatever it is, it is no part of a JWT.
    return null;
  }
}

/** PS256: RSASSA-PSS with SHA-256 and a salt of exactly 32 bytes (RFC 7518, section 3.5). */
export function isSignedByPs256({ signed, signature }: Jwt, publicKey: string): boolean {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify('sha256', Buffer.from(signed), { key: publicKey, padding, saltLength: 32 }, signature);
}

/** RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3), as most issuers of OIDC tokens sign. */
export function isSignedByRs256({ signed, signature }: Jwt, publicKey: string): boolean {
  return verify('sha256', Buffer.from(signed), publicKey, signature);
}
