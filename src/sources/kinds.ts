import type { CredentialKind } from './credential-kind.ts';
import { metadataKind } from './metadata.ts';
import { oauthKind } from './oauth.ts';
import { serviceAccountKeyKind } from './service-account-key.ts';
import { workloadIdentityKind } from './workload-identity.ts';
import { ycKind } from './yc.ts';

/** Every kind of credential there is, the default first. */
export const credentialKinds: readonly CredentialKind[] = [
  oauthKind,
  serviceAccountKeyKind,
  metadataKind,
  workloadIdentityKind,
  ycKind,
];

export function kindNamed(name: string): CredentialKind | null {
  return credentialKinds.find((kind) => kind.name === name) ?? null;
}
