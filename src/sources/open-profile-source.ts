import type { Secret } from '../shared/secret.ts';
import type { IamTokenSource } from '../token/token-source.ts';
import type { CredentialKind, Installation, SourceTools } from './credential-kind.ts';
import { createImpersonatedSource } from './derived-sources.ts';

export interface ProfileSourceOptions extends Installation {
  readonly impersonateServiceAccountId?: string;
}

/** The source of a profile's IAM tokens: its credential's own, or those of the account that it impersonates. */
export function openProfileSource(
  kind: CredentialKind,
  credential: Secret,
  options: ProfileSourceOptions,
  tools: SourceTools,
): IamTokenSource {
  const { impersonateServiceAccountId: serviceAccountId } = options;
  const baseSource = kind.open(credential, options, tools);
  return serviceAccountId === undefined
    ? baseSource
    : createImpersonatedSource(baseSource, serviceAccountId, options, tools);
}
