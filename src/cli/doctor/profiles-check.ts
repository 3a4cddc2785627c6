import { profileParams } from '../../client/request-token.ts';
import type { ProfileStatus } from '../../protocol/method-types.ts';
import { formatTimeSpan } from '../../shared/duration.ts';
import { daemonHint, receivedHint } from '../../shared/hint.ts';
import { formatProfileOption, quoteShellWord } from '../../shared/shell-quoting.ts';
import { expiryMarginMs } from '../../token/token.ts';
import { formatAccountName } from '../terminal/format-account-name.ts';
import { type Check, type CheckResult, fail, pass, warn } from './check-result.ts';

export const profilesCheck: Check = {
  name: 'profiles',
  dependsOn: 'daemon',

  run({ status, commandContext: { processContext } }) {
    const { env, platform } = processContext;
    const profiles = status?.profiles ?? [];
    const [firstProfile] = profiles;
    if (firstProfile === undefined)
      return fail('login_required', 'no profiles yet', daemonHint('iam-token login'));
    const { profile: explicitName } = profileParams(undefined, env);
    const selectedName = explicitName ?? profiles.find(({ isDefault }) => isDefault)?.profile;
    if (selectedName === undefined) {
      const hint = daemonHint(`iam-token use ${quoteShellWord(firstProfile.profile, platform)}`);
      return fail('unknown_profile', 'no default profile', hint);
    }
    if (!profiles.some(({ profile }) => profile === selectedName)) {
      const reason = `IAM_TOKEND_PROFILE is set to "${selectedName}", which does not exist`;
      return fail('unknown_profile', reason, daemonHint('iam-token profiles'));
    }
    const selection = explicitName === undefined ? 'default profile' : 'profile from IAM_TOKEND_PROFILE';
    return [pass(`${selection}: ${selectedName}`), ...profiles.map(checkProfile)];
  },
};

function checkProfile(status: ProfileStatus): CheckResult {
  const { profile, state, problem, timeLeftMs, notice, displayName } = status;
  const check = `profile ${profile}`;
  const hasValidToken = timeLeftMs !== null && timeLeftMs > expiryMarginMs;
  const token = displayName === undefined ? 'token' : `token of ${formatAccountName(status)}`;
  const tokenText = hasValidToken ? `${token} valid for ${formatTimeSpan(timeLeftMs)}` : `no valid ${token}`;
  const reason = `${problem?.message ?? state}; ${tokenText}`;
  const hint = receivedHint(problem ?? {}) ?? daemonHint(`iam-token refresh ${formatProfileOption(profile)}`);
  switch (state) {
    case 'ok':
      return { check, ...(notice === undefined ? pass(tokenText) : warn(`${tokenText}; ${notice}`)) };
    case 'loading':
    case 'renewing':
    case 'failing':
      return {
        check,
        ...(hasValidToken ? warn(reason, hint) : fail('unavailable', reason, hint)),
      };
    case 'login_required':
    case 'keychain_locked':
    case 'keychain_unavailable':
    case 'locked':
      return { check, ...fail(state, reason, hint) };
    default:
      return state satisfies never;
  }
}
