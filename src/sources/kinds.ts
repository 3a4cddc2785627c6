import type { CredentialKind } from './credential-kind.ts';
import { metadataKind } from './metadata.ts';
import { oauthKind } from './oauth.ts';
import { serviceAccountKeyKind } from './service-account-key.ts';

/** Every kind of credential there is, the default first. */
export const credentialKinds: readonly CredentialKind[] = [oauthKind, serviceAccountKeyKind, metadataKind];

export function kindNamed(name: string): CredentialKind | null {
  return credentialKinds.find((kind) => kind.name === name) ?? null;
}
