import { createPrivateKey } from 'node:crypto';
import * as v from 'valibot';
import { Secret } from '../shared/secret.ts';
import type { ExchangeOutcome, IamTokenSource } from '../token/ports.ts';
import type { CredentialKind, Installation, SourceTools } from './credential-kind.ts';
import { createToken } from './iam-api.ts';
import { kept } from './kept.ts';
import { readAuthorizedKey } from './authorized-key.ts';

/** A JWT is used at once; IAM takes none that lives for over an hour. */
const jwtLifeMs = 10 * 60_000;
/** A clock that is this much ahead of IAM's must not make a JWT of the future. */
const backdatedMs = 60_000;
/** A JWT that was refused is not tried again for a clock that was off by less. */
const clockOffMs = 30_000;

/** What is needed to sign and no more: it must fit a Windows keychain, twice over, also with 4,096 bits. */
const keptSchema = v.object({
  id: v.string(),
  serviceAccountId: v.string(),
  /** PKCS #8, DER, base64. */
  key: v.string(),
});
type KeptKey = v.InferOutput<typeof keptSchema>;

/** The authorized key of a service account, as `yc iam key create -o key.json` writes it. */
export const serviceAccountKeyKind: CredentialKind = {
  name: 'service-account-key',

  async accept({ secret = '' }) {
    const { id, serviceAccountId, privateKey } = readAuthorizedKey(secret);
    const key = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
    return new Secret(JSON.stringify({ id, serviceAccountId, key } satisfies KeptKey));
  },

  open: (credential, installation, tools) => keySource(kept(keptSchema, credential), installation, tools),

  revocationAdvice(credential) {
    const { id } = kept(keptSchema, credential);
    return { message: `the authorized key ${id} is still valid`, hint: `yc iam key delete ${id}` };
  },
};

function keySource(key: KeptKey, installation: Installation, tools: SourceTools): IamTokenSource {
  /** How far IAM's clock was ahead of ours when it refused for our clock's sake. */
  let aheadMs = 0;

  async function attempt(signal: AbortSignal): Promise<ExchangeOutcome> {
    const nowMs = tools.clock.now().wallMs + aheadMs;
    const jwt = await signedJwt(key, installation.audience, nowMs);
    return createToken({ field: 'jwt', secret: jwt }, installation, signal, tools);
  }

  return {
    /** A refusal may be no more than the word of a wrong clock: then the JWT is dated by IAM's own, once. */
    async exchange(signal) {
      const outcome = await attempt(signal);
      if (outcome.ok || outcome.failure.kind !== 'terminal') return outcome;
      const { serverTimeMs } = outcome.failure;
      if (serverTimeMs === undefined) return outcome;
      const wasMs = aheadMs;
      aheadMs = serverTimeMs - tools.clock.now().wallMs;
      return Math.abs(aheadMs - wasMs) < clockOffMs ? outcome : attempt(signal);
    },
  };
}

/**
 * PS256 (RFC 7518, section 3.5: the salt has the length of the hash, 32 bytes), with the claims of
 * yandex.cloud/en/docs/iam/operations/iam-token/create-for-sa, November 2026.
 */
async function signedJwt(
  { id, serviceAccountId, key }: KeptKey,
  audience: string,
  nowMs: number,
): Promise<Secret> {
  // Loaded at the first exchange: who uses another kind never pays for it.
  const { SignJWT } = await import('jose');
  const seconds = (ms: number): number => Math.floor(ms / 1_000);
  const jwt = await new SignJWT()
    .setProtectedHeader({ typ: 'JWT', alg: 'PS256', kid: id })
    .setIssuer(serviceAccountId)
    .setAudience(audience)
    .setIssuedAt(seconds(nowMs - backdatedMs))
    .setExpirationTime(seconds(nowMs - backdatedMs + jwtLifeMs))
    .sign(createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' }));
  return new Secret(jwt);
}
