/**
 * The end of OAuth tokens: the one place for its wording. Sources: the documentation
 * (yandex.cloud/en/docs/iam/concepts/authorization/oauth-token) and the vendor's SDKs, November 2026.
 */
import type { CommandHint, HintLine } from '../../shared/hint.ts';
import type { SourceTools } from '../credential-kind.ts';

const endOfNewTokens = '1 June 2026';

export const newOauthTokensRefused = `new OAuth tokens have been refused since ${endOfNewTokens}`;

export const useOlderOauthToken = `use an OAuth token issued before ${endOfNewTokens}`;

export const oauthSunset = `${newOauthTokensRefused}; older ones work until they expire (June 2027 at the latest), and the vendor's SDKs announce the end of all of them for the end of 2026`;

/** For a list of kinds. */
export const oauthEndDates = `until June 2027 at the latest; new ones are refused since ${endOfNewTokens}`;

/** All other kinds, then the command for the likeliest one. */
export function suggestOtherKinds(tools: SourceTools): readonly HintLine[] {
  return [
    'log in with another kind: --service-account-key FILE, --yc, --metadata (on a VM), --workload-identity ID (Kubernetes, CI)',
    suggestLogin(tools),
  ];
}

export function createSunsetNotice(tools: SourceTools): HintLine {
  return { ...suggestLogin(tools), text: `${oauthSunset}; move this profile to another kind` };
}

function suggestLogin({ programs }: SourceTools): CommandHint {
  return { command: 'login', kind: programs.find('yc') === null ? 'service-account-key' : 'yc' };
}
