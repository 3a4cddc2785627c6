import type { ProfileScope, ProfileStatus } from '../protocol/messages.ts';
import { type Clock, isoTime } from '../shared/clock.ts';
import { given } from '../shared/given.ts';
import { withinTheHour } from '../token/budget.ts';
import { lifeLeftMs } from '../token/iam-token.ts';
import { hasLivingToken, nextRenewalAtMs, problemNow } from '../token/outlook.ts';
import type { LifecycleState } from '../token/state.ts';
import { trueTimeMs } from '../token/time.ts';
import type { Profile } from './profile.ts';
import { codeIfClosed } from './profile-problems.ts';
import type { ProfileEntry } from './profile-registry.ts';

/** What `status` says of one profile. */
export function profileStatus(
  profile: Profile,
  entry: ProfileEntry,
  isDefault: boolean,
  notice: string | null,
  clock: Clock,
): ProfileStatus {
  const now = clock.now();
  const { state } = profile;
  const { token, trouble } = state;
  const nextMs = nextRenewalAtMs(state, now);
  const attempts = withinTheHour(state.attempts, now.monotonicMs);
  const living = hasLivingToken(state, now);
  return {
    profile: profile.name,
    isDefault,
    kind: entry.kind,
    endpoint: entry.endpoint,
    ...scopeOf(entry),
    state: stateName(state, living),
    subject: token?.subject ?? null,
    expiresAt: token === null ? null : isoTime(token.expiresAtMs),
    timeLeftMs: token === null ? null : Math.floor(lifeLeftMs(token, trueTimeMs(state.time, now))),
    nextRenewalAt: nextMs === null ? null : isoTime(nextMs),
    problem: problemNow(state, now),
    trouble:
      trouble === null
        ? null
        : {
            message: trouble.failure.message,
            since: isoTime(trouble.sinceMs),
            lastAt: isoTime(trouble.lastAtMs),
            count: trouble.count,
          },
    successesInHour: attempts.filter(({ succeeded }) => succeeded).length,
    attemptsInHour: attempts.length,
    clockOffsetMs: Math.round(state.time.offsetMs),
    ...(notice === null ? {} : { notice }),
  };
}

/** What a profile is used for, as far as that was said at login. */
export function scopeOf({ cloudId, folderId, impersonateServiceAccountId }: ProfileScope): ProfileScope {
  return given({ cloudId, folderId, impersonateServiceAccountId });
}

function stateName(state: LifecycleState, living: boolean): ProfileStatus['state'] {
  const { phase, trouble } = state;
  switch (phase.kind) {
    case 'loading':
      return 'loading';
    case 'resting':
      return living ? 'ok' : 'failing';
    case 'exchanging':
      return living && trouble === null ? 'ok' : 'renewing';
    case 'backing_off':
    case 'stopped':
      return 'failing';
    case 'refused':
    case 'needs_person':
      return 'login_required';
    case 'without_credential':
      return codeIfClosed(state) ?? 'login_required';
    default:
      return phase satisfies never;
  }
}
