import type { ProfileScope, ProfileStatus } from '../../protocol/method-types.ts';
import { type Clock, formatIsoTime } from '../../shared/clock.ts';
import { renderProblem } from '../../shared/errors.ts';
import type { HintProfile } from '../../shared/hint.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { filterLastHour } from '../../token/budget.ts';
import { timeLeftMs } from '../../token/token.ts';
import { hasValidToken, nextRenewalAtMs, currentProblem } from '../../token/selectors.ts';
import type { LifecycleState } from '../../token/state.ts';
import { trueTimeMs } from '../../token/clock-estimate.ts';
import type { Profile } from './profile.ts';
import type { KeyState } from '../keys/key-rotation.ts';
import { getStoreClosedCode } from './profile-problems.ts';
import type { ProfileEntry } from './profile-registry.ts';

/** A row of the `status` method. */
export function buildProfileStatus(
  profile: Profile,
  entry: ProfileEntry,
  isDefault: boolean,
  notice: string | null,
  keyState: KeyState | null,
  hintProfile: HintProfile,
  clock: Clock,
): ProfileStatus {
  const now = clock.now();
  const { state } = profile;
  const { token, failureStreak } = state;
  const problem = currentProblem(state, now);
  const nextRenewalMs = nextRenewalAtMs(state, now);
  const attempts = filterLastHour(state.attempts, now.monotonicMs).filter(
    ({ isDerived }) => isDerived !== true,
  );
  const isTokenValid = hasValidToken(state, now);
  return {
    profile: profile.name,
    isDefault,
    kind: entry.kind,
    endpoint: entry.endpoint,
    ...scopeOf(entry),
    state: getStateName(state, isTokenValid),
    subject: token?.subject ?? null,
    ...omitUndefined({ displayName: displayNameOf(entry, token) }),
    expiresAt: token === null ? null : formatIsoTime(token.expiresAtMs),
    timeLeftMs: token === null ? null : Math.floor(timeLeftMs(token, trueTimeMs(state.clockEstimate, now))),
    nextRenewalAt: nextRenewalMs === null ? null : formatIsoTime(nextRenewalMs),
    problem: problem === null ? null : renderProblem(problem, hintProfile),
    trouble:
      failureStreak === null
        ? null
        : {
            message: failureStreak.failure.message,
            since: formatIsoTime(failureStreak.sinceMs),
            lastAt: formatIsoTime(failureStreak.lastAtMs),
            count: failureStreak.count,
          },
    successesInHour: attempts.filter(({ isSuccess }) => isSuccess).length,
    attemptsInHour: attempts.length,
    clockOffsetMs: Math.round(state.clockEstimate.offsetMs),
    ...(notice === null ? {} : { notice }),
    ...(keyState === null ? {} : { key: buildKeyStatus(keyState, hintProfile) }),
  };
}

function buildKeyStatus(
  { id, createdAtMs, nextRotationAtMs, problem }: KeyState,
  hintProfile: HintProfile,
): NonNullable<ProfileStatus['key']> {
  return {
    id,
    ...(createdAtMs === null ? {} : { createdAt: formatIsoTime(createdAtMs) }),
    ...(nextRotationAtMs === null ? {} : { nextRotationAt: formatIsoTime(nextRotationAtMs) }),
    ...(problem === null ? {} : { problem: renderProblem(problem, hintProfile) }),
  };
}

/** Of the account of the token, without one that of the last login: a login of `yc` may be another's by now. */
export function displayNameOf({ account }: ProfileEntry, token: LifecycleState['token']): string | undefined {
  return token === null || token.subject === account?.id ? account?.displayName : undefined;
}

/** The settings of a profile that were given at login. */
export function scopeOf({ cloudId, folderId, impersonateServiceAccountId }: ProfileScope): ProfileScope {
  return omitUndefined({ cloudId, folderId, impersonateServiceAccountId });
}

function getStateName(state: LifecycleState, isTokenValid: boolean): ProfileStatus['state'] {
  const { phase, failureStreak } = state;
  switch (phase.kind) {
    case 'loading':
      return 'loading';
    case 'idle':
      return isTokenValid ? 'ok' : 'failing';
    case 'exchanging':
      return isTokenValid && failureStreak === null ? 'ok' : 'renewing';
    case 'backing_off':
    case 'stopped':
      return 'failing';
    case 'credential_rejected':
    case 'interaction_required':
      return 'login_required';
    case 'no_credential':
      return getStoreClosedCode(state) ?? 'login_required';
    default:
      return phase satisfies never;
  }
}
