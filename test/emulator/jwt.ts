import { constants, verify } from 'node:crypto';
import * as v from 'valibot';
import type { IamService } from './iam-service.ts';
import { type RouteError, rpcError, rpcCode } from './route-response.ts';

/** A parsed JWS Compact Serialization (RFC 7515, section 7.1); its signature is not verified. */
export interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signingInput: string;
  readonly signature: Buffer;
}

const objectSchema = v.record(v.string(), v.unknown());

/** `null` if `text` is not a JWT. */
export function parseJwt(text: string): Jwt | null {
  const [, header, claims, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(text) ?? [];
  if (header === undefined || claims === undefined || signature === undefined) return null;
  const parsePart = (part: string): Jwt['claims'] =>
    v.parse(objectSchema, JSON.parse(Buffer.from(part, 'base64url').toString()));
  try {
    return {
      header: parsePart(header),
      claims: parsePart(claims),
      signingInput: `${header}.${claims}`,
      signature: Buffer.from(signature, 'base64url'),
    };
  } catch {
    return null; // A part is not a JSON object.
  }
}

/** PS256: RSASSA-PSS with SHA-256 and a salt of exactly 32 bytes (RFC 7518, section 3.5). */
function hasValidPs256Signature({ signingInput, signature }: Jwt, publicKey: string): boolean {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return verify('sha256', Buffer.from(signingInput), { key: publicKey, padding, saltLength: 32 }, signature);
}

/** RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3), the algorithm of most OIDC issuers. */
export function hasValidRs256Signature({ signingInput, signature }: Jwt, publicKey: string): boolean {
  return verify('sha256', Buffer.from(signingInput), publicKey, signature);
}

/** yandex.cloud/en/docs/iam/operations/iam-token/create-for-sa: exp is at most an hour after iat. */
const maxLifetimeSeconds = 3_600;
/** Tolerated clock difference. */
const leewaySeconds = 30;

/**
 * The service account of a JWT that is signed by an authorized key, which counts as used.
 * @throws RouteError
 */
export function authenticateJwt(
  text: string,
  service: IamService,
): { readonly subject: string; readonly keyId: string } {
  const jwt = parseJwt(text);
  if (jwt === null) throw unauthenticatedError('The JWT cannot be parsed');
  const { kid, typ, alg } = jwt.header;
  if (kid === undefined)
    throw unauthenticatedError("The required field 'kid' is missing from the JWT header");
  if (typ !== 'JWT' || alg !== 'PS256') throw unauthenticatedError('The JWT must be signed by PS256');
  const key = service.keys.findUsable(kid);
  if (key === undefined) throw unauthenticatedError('The key of the JWT is not found');
  if (!hasValidPs256Signature(jwt, key.publicKey))
    throw unauthenticatedError('The signature of the JWT is wrong');
  const { iss, aud, iat, exp } = jwt.claims;
  if (iss !== key.serviceAccountId) throw unauthenticatedError("The JWT's iss is not the owner of the key");
  if (aud !== `${service.url}/iam/v1/tokens`) throw unauthenticatedError("The JWT's aud is not this service");
  if (!isNumericDate(iat) || !isNumericDate(exp))
    throw unauthenticatedError("The JWT's iat and exp must be whole seconds");
  const nowSeconds = service.nowMs() / 1_000;
  if (iat > nowSeconds + leewaySeconds) throw unauthenticatedError('The JWT is issued in the future');
  if (exp <= nowSeconds) throw unauthenticatedError('The JWT has expired');
  if (exp <= iat || exp - iat > maxLifetimeSeconds)
    throw unauthenticatedError('The JWT lives longer than an hour');
  key.lastUsedAtMs = service.nowMs();
  return { subject: key.serviceAccountId, keyId: key.id };
}

function isNumericDate(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function unauthenticatedError(message: string): RouteError {
  return rpcError(rpcCode.unauthenticated, message);
}
