import type { CertificateAnchor } from '../../config/certificate-files.ts';
import { IamTokenError } from '../../shared/errors.ts';
import type { Secret } from '../../shared/secret.ts';
import type {
  CredentialKind,
  KeyAccess,
  KeyDescription,
  KeyManagement,
} from '../../sources/credential-kind.ts';
import { exchangeAwake } from '../../sources/exchange-awake.ts';
import type { ProfileRef } from '../profile-ref.ts';
import { createFailureProblem } from '../profiles/profile-problems.ts';
import { type LiveCredentialParts, readLiveCredential } from '../slots/live-credential.ts';
import type { ProfileEntry } from '../profiles/profile-registry.ts';

export interface LiveKeyParts extends LiveCredentialParts {
  readonly findCredentialKind: (name: string) => CredentialKind | null;
}

/** The key that a profile has, and access to IAM with it. */
export interface LiveKey {
  readonly kind: CredentialKind;
  readonly management: KeyManagement;
  readonly entry: ProfileEntry;
  readonly credential: Secret;
  readonly description: KeyDescription;
  readonly anchors: readonly CertificateAnchor[];
  /** Its token is that of the key's own account, also for a profile that impersonates another. */
  readonly access: KeyAccess;
}

/**
 * Reads the key of a profile from the store, without a prompt, and exchanges it once.
 * @throws IamTokenError `bad_request` for another kind of credential; `login_required` or `unavailable`; the problems of
 *   the store
 */
export async function openLiveKey(
  parts: LiveKeyParts,
  profile: ProfileRef,
  signal: AbortSignal,
): Promise<LiveKey> {
  const { entry, stored } = await readLiveCredential(parts, profile.name, 'background');
  const { kind, management } = requireKeys(parts, profile, entry);
  const { credential } = stored;
  const anchors = stored.anchors ?? (await parts.trust.readAnchors());
  const tools = parts.trust.toolsFor(profile, anchors);
  const installation = { endpoint: entry.endpoint, audience: entry.audience };
  const source = kind.open(credential, installation, tools);
  const { outcome } = await exchangeAwake(source, tools.clock, signal, false);
  if (!outcome.ok) throw new IamTokenError(createFailureProblem(outcome.failure));
  return {
    kind,
    management,
    entry,
    credential,
    description: management.describe(credential),
    anchors,
    access: { token: outcome.issuedToken.value, installation, signal, tools },
  };
}

/** @throws IamTokenError `bad_request` */
export function requireKeys(
  { findCredentialKind }: Pick<LiveKeyParts, 'findCredentialKind'>,
  { name }: ProfileRef,
  entry: ProfileEntry,
): { readonly kind: CredentialKind; readonly management: KeyManagement } {
  const kind = findCredentialKind(entry.kind);
  if (kind?.keys !== undefined) return { kind, management: kind.keys };
  throw new IamTokenError({
    code: 'bad_request',
    message: `profile ${JSON.stringify(name)} has no authorized key: its kind of credential is ${entry.kind}`,
    hint: { command: 'login', kind: 'service-account-key' },
  });
}
