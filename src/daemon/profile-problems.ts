/** What is said of a profile that has no credential, or is none. */
import type { Problem } from '../shared/errors.ts';
import { profileOption } from '../shared/shell-word.ts';
import type { IamTokenSource } from '../token/ports.ts';
import type { LifecycleState } from '../token/state.ts';

export const nothingStored = 'there is no credential in the store';
export const storedForAnother =
  'the stored credential was confirmed for another service than profiles.json names';

export const loggedInAnew: Problem = {
  code: 'unavailable',
  message: 'somebody logged in with another credential meanwhile; ask again',
  retryAfterMs: 0,
};

export function loginRequired(name: string, isDefault: boolean, message: string): Problem {
  return { code: 'login_required', message, hint: withProfile('iam-token login', name, isDefault) };
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

type ClosedCode = 'keychain_locked' | 'keychain_unavailable' | 'locked';

/** Why the store does not give this profile's credential up. */
export function codeIfClosed({ phase }: LifecycleState): ClosedCode | null {
  if (phase.kind !== 'without_credential') return null;
  const { code } = phase.problem;
  return code === 'keychain_locked' || code === 'keychain_unavailable' || code === 'locked' ? code : null;
}

/** Whether the store may open without a word to us. */
export function mayOpenByItself(state: LifecycleState): boolean {
  const code = codeIfClosed(state);
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
      if (outcome.ok || outcome.failure.hint === undefined) return outcome;
      const hint = withProfile(outcome.failure.hint, name, isDefault());
      return { ...outcome, failure: { ...outcome.failure, hint } };
    },
  };
}

/** Commands that can be typed as they stand, whatever the profile is called. */
export function withProfile(hint: string, name: string, isDefault: boolean): string {
  if (isDefault) return hint;
  return hint.replaceAll(/iam-token (?:login|refresh)\b/g, (call) => `${call} ${profileOption(name)}`);
}
