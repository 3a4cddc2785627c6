/** The end of OAuth tokens, in one place, so that every command says the same of it. */
import type { SourceTools } from './credential-kind.ts';

/**
 * What else there is, and the command that most likely helps, a line each. From the documentation
 * (yandex.cloud/en/docs/iam/concepts/authorization/oauth-token) and the SDKs, November 2026.
 */
export function otherKinds({ programs }: SourceTools): string {
  return `log in with another kind: --service-account-key FILE, --yc, --metadata (on a VM), --workload-identity ID (Kubernetes, CI)
${likeliest(programs.find('yc') !== null)}`;
}

export function oauthNotice({ programs }: SourceTools): string {
  return `OAuth tokens end with the year 2026, on 31 December; move this profile to another kind before: ${likeliest(programs.find('yc') !== null)}`;
}

function likeliest(hasYc: boolean): string {
  return hasYc ? 'iam-token login --yc' : 'iam-token login --service-account-key key.json';
}
