import type { Admission } from './accounts.ts';
import { isSignedByPs256, parseJwt } from './jwt.ts';
import { rpcCode, rpcStatus } from './reply.ts';
import type { Service } from './route.ts';

/** yandex.cloud/en/docs/iam/operations/iam-token/create-for-sa: exp is at most an hour after iat. */
const longestLifeSeconds = 3_600;
/** Clocks differ. */
const leewaySeconds = 30;

/** Who a JWT of an authorized key speaks for. */
export function admitJwt(text: string, service: Service): Admission {
  const jwt = parseJwt(text);
  if (jwt === null) return refused('The JWT cannot be parsed');
  const { header, claims } = jwt;
  if (header['kid'] === undefined) return refused("The required field 'kid' is missing from the JWT header");
  if (header['typ'] !== 'JWT' || header['alg'] !== 'PS256') return refused('The JWT must be signed by PS256');
  const kid = header['kid'];
  const key = typeof kid === 'string' ? service.serviceAccounts.keyNamed(kid) : undefined;
  if (key === undefined) return refused('The key of the JWT is not found');
  if (!isSignedByPs256(jwt, key.publicKey)) return refused('The signature of the JWT is wrong');
  if (claims['iss'] !== key.serviceAccountId) return refused("The JWT's iss is not the owner of the key");
  if (claims['aud'] !== service.audience()) return refused("The JWT's aud is not this service");
  const { iat, exp } = claims;
  if (!isSeconds(iat) || !isSeconds(exp)) return refused("The JWT's iat and exp must be whole seconds");
  const now = service.nowMs() / 1_000;
  if (iat > now + leewaySeconds) return refused('The JWT is issued in the future');
  if (exp <= now) return refused('The JWT has expired');
  if (exp <= iat || exp - iat > longestLifeSeconds) return refused('The JWT lives longer than an hour');
  return { ok: true, subject: key.serviceAccountId };
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function refused(message: string): Admission {
  return { ok: false, reply: rpcStatus(rpcCode.unauthenticated, message) };
}
