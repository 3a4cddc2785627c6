import type { CredentialKind } from './credential-kind.ts';
import { metadataKind } from './kinds/metadata.ts';
import { oauthKind } from './kinds/oauth.ts';
import { serviceAccountKeyKind } from './kinds/service-account-key.ts';
import { workloadIdentityKind } from './kinds/workload-identity.ts';
import { ycKind } from './kinds/yc.ts';

/** All kinds of credential, the default first. */
export const credentialKinds: readonly CredentialKind[] = [
  oauthKind,
  serviceAccountKeyKind,
  metadataKind,
  workloadIdentityKind,
  ycKind,
];

export function findCredentialKind(name: string): CredentialKind | null {
  return credentialKinds.find((kind) => kind.name === name) ?? null;
}
