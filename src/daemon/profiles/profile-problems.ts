/** Problems of profiles that have no credential or do not exist. */
import type { Problem } from '../../shared/errors.ts';
import type { Hint } from '../../shared/hint.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { suggestClosest } from '../../shared/text/suggest-closest.ts';
import type { LifecycleState } from '../../token/state.ts';
import type { ExchangeFailure } from '../../token/token-source.ts';

export const credentialMissingMessage = 'the store has no credential for this profile';
export const installationMismatchMessage =
  'the stored credential was verified at another endpoint or audience than profiles.json has';

/** For a credential that was replaced, and that the store takes only while a user waits. */
export const credentialUnstoredNotice: Hint = {
  text: 'the renewed credential is only in memory and is lost when the daemon stops; to store it',
  command: 'unlock',
};

export const credentialReplaced: Problem = {
  code: 'unavailable',
  message: 'a login has replaced the credential; try again',
  retryAfterMs: 0,
};

export const profileRenamed: Problem = {
  code: 'unavailable',
  message: 'the profile was renamed; try again',
  retryAfterMs: 0,
};

/** Why an exchange that a request has asked for failed. */
export function createFailureProblem({
  kind,
  message,
  hint,
  retryAfterMs = 1_000,
}: ExchangeFailure): Problem {
  const details = omitUndefined({ hint });
  return kind === 'transient'
    ? { code: 'unavailable', message, retryAfterMs, ...details }
    : { code: 'login_required', message, ...details };
}

export function createLoginRequired(message: string): Problem {
  return { code: 'login_required', message, hint: { command: 'login' } };
}

/** A search through thousands of names would delay other requests. */
const maxSearchedNames = 100;

/**
 * @param name `null`: the request named no profile, and there is no default profile
 * @param names of all profiles
 */
export function createProfileNotFound(name: string | null, names: readonly string[]): Problem {
  if (name === null && names.length === 0) {
    return { code: 'login_required', message: 'not logged in', hint: { command: 'login' } };
  }
  if (name === null) {
    return { code: 'unknown_profile', message: 'no default profile is set', hint: 'iam-token profiles' };
  }
  const suggestion = suggestClosest(name, names.slice(0, maxSearchedNames));
  const question = suggestion === undefined ? '' : `; did you mean ${JSON.stringify(suggestion)}?`;
  return {
    code: 'unknown_profile',
    message: `unknown profile ${JSON.stringify(name)}${question}`,
    hint: 'iam-token profiles',
  };
}

type StoreClosedCode = 'keychain_locked' | 'keychain_unavailable' | 'locked';

/** Why the store has not given the credential of this profile; `null` if it is not closed. */
export function getStoreClosedCode({ phase }: LifecycleState): StoreClosedCode | null {
  if (phase.kind !== 'no_credential') return null;
  const { code } = phase.problem;
  return code === 'keychain_locked' || code === 'keychain_unavailable' || code === 'locked' ? code : null;
}

/** Whether the store may have opened in the meantime: only `unlock` ends `locked`. */
export function canReopenStore(state: LifecycleState): boolean {
  const code = getStoreClosedCode(state);
  return code !== null && code !== 'locked';
}
