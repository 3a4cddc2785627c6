import { createPrivateKey } from 'node:crypto';
import { Secret } from '../../shared/secret.ts';
import type { ExchangeOutcome, IamTokenSource } from '../../token/token-source.ts';
import type { CredentialKind, Installation, SourceTools } from '../credential-kind.ts';
import { hasSleptSince } from '../exchange-awake.ts';
import { createToken, probeTokensUrl } from '../exchange/iam-api.ts';
import { parseAuthorizedKey } from './authorized-key.ts';
import { keyManagement } from './key-management.ts';
import { formatStoredKey, parseStoredKey, type StoredKey } from './stored-key.ts';

/** A JWT is used once, immediately unless the machine sleeps (see `exchangeAwake`); IAM accepts lifetimes up to an hour. */
const jwtLifetimeMs = 10 * 60_000;
/** Keeps `iat` in the past for IAM if the local clock is this far ahead. */
const jwtBackdateMs = 60_000;
/** A clock that is off by less cannot be the reason why IAM rejected a JWT. */
const minSkewChangeMs = 30_000;

/** The authorized key of a service account, as `yc iam key create -o key.json` writes it. */
export const serviceAccountKeyKind: CredentialKind = {
  name: 'service-account-key',
  accountCollections: ['serviceAccounts'],

  async createCredential({ secret = '' }) {
    return formatStoredKey(parseAuthorizedKey(secret));
  },

  open: (credential, installation, tools) => createKeySource(parseStoredKey(credential), installation, tools),

  keys: keyManagement,

  getRevocationAdvice(credential) {
    const { id } = parseStoredKey(credential);
    return { message: `the authorized key ${id} is still valid`, hint: `yc iam key delete ${id}` };
  },
};

function createKeySource(key: StoredKey, installation: Installation, tools: SourceTools): IamTokenSource {
  /** IAM's clock minus the local one; measured when IAM rejects a JWT. */
  let serverAheadMs = 0;

  async function exchangeOnce(signal: AbortSignal): Promise<ExchangeOutcome<Secret>> {
    const nowMs = tools.clock.now().wallMs + serverAheadMs;
    const jwt = await signJwt(key, installation.audience, nowMs);
    return createToken({ field: 'jwt', secret: jwt }, installation, signal, tools);
  }

  return {
    probe: () => probeTokensUrl(installation, tools),
    /** A wrong local clock may be the reason for a rejection: tries once more with a JWT dated by IAM's clock. */
    async exchange(signal) {
      const startedAt = tools.clock.now();
      const outcome = await exchangeOnce(signal);
      if (outcome.ok || outcome.failure.kind !== 'terminal') return outcome;
      const { serverTimeMs } = outcome.failure;
      // After sleep, the response may be old, and tells nothing about the clock.
      if (serverTimeMs === undefined || hasSleptSince(startedAt, tools.clock.now())) return outcome;
      const previousAheadMs = serverAheadMs;
      serverAheadMs = serverTimeMs - tools.clock.now().wallMs;
      return Math.abs(serverAheadMs - previousAheadMs) < minSkewChangeMs ? outcome : exchangeOnce(signal);
    },
  };
}

/**
 * PS256 (RFC 7518, section 3.5: the salt has the length of the hash, 32 bytes), with the claims of
 * yandex.cloud/en/docs/iam/operations/iam-token/create-for-sa, November 2026.
 */
async function signJwt(
  { id, serviceAccountId, key }: StoredKey,
  audience: string,
  nowMs: number,
): Promise<Secret> {
  // Loaded at the first exchange, because only this kind needs it.
  const { SignJWT } = await import('jose');
  const toSeconds = (ms: number): number => Math.floor(ms / 1_000);
  const jwt = await new SignJWT()
    .setProtectedHeader({ typ: 'JWT', alg: 'PS256', kid: id })
    .setIssuer(serviceAccountId)
    .setAudience(audience)
    .setIssuedAt(toSeconds(nowMs - jwtBackdateMs))
    .setExpirationTime(toSeconds(nowMs - jwtBackdateMs + jwtLifetimeMs))
    .sign(createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' }));
  return new Secret(jwt);
}
