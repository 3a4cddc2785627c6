import type { CredentialKind } from './credential-kind.ts';
import { oauthKind } from './oauth.ts';

/** Every kind of credential there is, the default first. */
export const credentialKinds: readonly CredentialKind[] = [oauthKind];

export function kindNamed(name: string): CredentialKind | null {
  return credentialKinds.find((kind) => kind.name === name) ?? null;
}
