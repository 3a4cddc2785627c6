/** What is said of a profile that has no credential, or is none. */
import type { ErrorCode, Problem } from '../shared/errors.ts';
import type { IamTokenSource } from '../token/ports.ts';
import type { Profile } from './profile.ts';

export const nothingStored = 'there is no credential in the store';
export const storedForAnother =
  'the stored credential was confirmed for another service than profiles.json names';

export const loggedInAnew: Problem = {
  code: 'unavailable',
  message: 'somebody logged in with another credential meanwhile; ask again',
  retryAfterMs: 0,
};

export function loginRequired(name: string, isDefault: boolean, message: string): Problem {
  return { code: 'login_required', message, hint: loginHint(name, isDefault) };
}

/** @param wanted the name of a profile; `null` where nobody named one and none is the default */
export function notFound(wanted: string | null, thereAreNone: boolean): Problem {
  if (wanted === null && thereAreNone) {
    return { code: 'login_required', message: 'nobody is logged in', hint: 'iam-token login' };
  }
  if (wanted === null) {
    return { code: 'unknown_profile', message: 'there is no default profile', hint: 'iam-token use NAME' };
  }
  return {
    code: 'unknown_profile',
    message: `there is no profile ${JSON.stringify(wanted)}`,
    hint: 'iam-token profiles',
  };
}

/** Why the store does not give this profile's credential up. */
export function codeIfClosed({ state: { phase } }: Profile): ErrorCode | null {
  if (phase.kind !== 'without_credential') return null;
  const { code } = phase.problem;
  return code === 'keychain_locked' || code === 'keychain_unavailable' || code === 'locked' ? code : null;
}

/** Whether the store may open without a word to us. */
export function mayOpenByItself(profile: Profile): boolean {
  const code = codeIfClosed(profile);
  return code !== null && code !== 'locked';
}

/** A source knows of no profile: its hints are to be typed as they stand all the same. */
export function namingProfile(
  source: IamTokenSource,
  name: string,
  isDefault: () => boolean,
): IamTokenSource {
  return {
    exchange: async (signal, interactive) => {
      const outcome = await source.exchange(signal, interactive);
      const hint = outcome.ok ? undefined : outcome.failure.hint;
      if (outcome.ok || hint === undefined || isDefault()) return outcome;
      const named = hint.replaceAll(
        /iam-token (?:login|refresh)\b/g,
        (call) => `${call}${profileOption(name)}`,
      );
      return { ...outcome, failure: { ...outcome.failure, hint: named } };
    },
  };
}

/** A command that can be typed as it stands, whatever the profile is called. */
function loginHint(name: string, isDefault: boolean): string {
  return isDefault ? 'iam-token login' : `iam-token login${profileOption(name)}`;
}

function profileOption(name: string): string {
  if (/^\w[\w.@-]*$/.test(name)) return ` --profile ${name}`;
  return ` --profile='${name.replaceAll("'", String.raw`'\''`)}'`;
}
