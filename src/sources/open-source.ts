import type { Secret } from '../shared/secret.ts';
import type { IamTokenSource } from '../token/ports.ts';
import type { CredentialKind, Installation, SourceTools } from './credential-kind.ts';
import { impersonating } from './impersonation.ts';

export interface Opened extends Installation {
  /** The service account as which the credential acts. */
  readonly impersonateServiceAccountId?: string;
}

/** The source of a profile's tokens: its credential, and whom it acts as. */
export function openSource(
  kind: CredentialKind,
  credential: Secret,
  opened: Opened,
  tools: SourceTools,
): IamTokenSource {
  const { impersonateServiceAccountId: serviceAccountId } = opened;
  const own = kind.open(credential, opened, tools);
  return serviceAccountId === undefined ? own : impersonating(own, serviceAccountId, opened, tools);
}
