import { constants, verify } from 'node:crypto';
import * as v from 'valibot';
import type { IamService } from './iam-service.ts';
import { type Refusal, refusal, rpcCode } from './reply.ts';

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
  const [, header, claims, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(text) ?? [];
  if (header === undefined || claims === undefined || signature === undefined) return null;
  const objectIn = (part: string): Jwt['claims'] =>
    v.parse(objectSchema, JSON.parse(Buffer.from(part, 'base64url').toString()));
  try {
    return {
      header: objectIn(header),
      claims: objectIn(claims),
      signed: `${header}.${claims}`,
      signature: Buffer.from(signature, 'base64url'),
    };
  } catch {
    // Whatever it is, it is no JWT.
    return null;
  }
}

/** PS256: RSASSA-PSS with SHA-256 and a salt of exactly 32 bytes (RFC 7518, section 3.5). */
function isSignedByPs256({ signed, signature }: Jwt, publicKey: string): boolean {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify('sha256', Buffer.from(signed), { key: publicKey, padding, saltLength: 32 }, signature);
}

/** RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3), as most issuers of OIDC tokens sign. */
export function isSignedByRs256({ signed, signature }: Jwt, publicKey: string): boolean {
  return verify('sha256', Buffer.from(signed), publicKey, signature);
}

/** yandex.cloud/en/docs/iam/operations/iam-token/create-for-sa: exp is at most an hour after iat. */
const longestLifeSeconds = 3_600;
/** Clocks differ. */
const leewaySeconds = 30;

/**
 * The service account that a JWT of an authorized key speaks for.
 * @throws Refusal
 */
export function subjectOfJwt(text: string, service: IamService): string {
  const jwt = parseJwt(text);
  if (jwt === null) throw refused('The JWT cannot be parsed');
  const { kid, typ, alg } = jwt.header;
  if (kid === undefined) throw refused("The required field 'kid' is missing from the JWT header");
  if (typ !== 'JWT' || alg !== 'PS256') throw refused('The JWT must be signed by PS256');
  const key = service.keyNamed(kid);
  if (key === undefined) throw refused('The key of the JWT is not found');
  if (!isSignedByPs256(jwt, key.publicKey)) throw refused('The signature of the JWT is wrong');
  const { iss, aud, iat, exp } = jwt.claims;
  if (iss !== key.serviceAccountId) throw refused("The JWT's iss is not the owner of the key");
  if (aud !== `${service.url}/iam/v1/tokens`) throw refused("The JWT's aud is not this service");
  if (!isSeconds(iat) || !isSeconds(exp)) throw refused("The JWT's iat and exp must be whole seconds");
  const now = service.nowMs() / 1_000;
  if (iat > now + leewaySeconds) throw refused('The JWT is issued in the future');
  if (exp <= now) throw refused('The JWT has expired');
  if (exp <= iat || exp - iat > longestLifeSeconds) throw refused('The JWT lives longer than an hour');
  return key.serviceAccountId;
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function refused(message: string): Refusal {
  return refusal(rpcCode.unauthenticated, message);
}
