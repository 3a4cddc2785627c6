import type { LoginResult, MethodParams, RotateKeyResult } from '../../protocol/method-types.ts';
import { type Clock, formatIsoTime } from '../../shared/clock.ts';
import { IamTokenError, renderProblem } from '../../shared/errors.ts';
import { clockToleranceMs, trueTimeMs } from '../../token/clock-estimate.ts';
import type { Profile } from '../profiles/profile.ts';
import type { Profiles } from '../profiles/profiles.ts';

export async function rotateKey(
  profiles: Profiles,
  { profile: name, keepReplacedKey = false }: MethodParams<'rotateKey'>,
): Promise<RotateKeyResult> {
  const { profile, problem, ...ids } = await profiles.keys.rotate(name, keepReplacedKey);
  const hintProfile = profiles.getHintProfile(profile.name);
  return {
    profile: profile.name,
    ...ids,
    ...(problem === null ? {} : { problem: renderProblem(problem, hintProfile) }),
  };
}

/**
 * After a login. Best effort: `undefined` if IAM does not answer, or refuses to.
 * @param startedMonotonicMs the start of the login
 */
export async function findLastUse(
  clock: Clock,
  { keys }: Profiles,
  profile: Profile,
  startedMonotonicMs: number,
): Promise<LoginResult['lastUse']> {
  try {
    const { keyId, usedAtMs } = await keys.findLastUse(profile);
    if (usedAtMs === null) return { keyId, usedAt: null, isThisLogin: false };
    const now = clock.now();
    const loginMs = now.monotonicMs - startedMonotonicMs + clockToleranceMs;
    const isThisLogin = usedAtMs >= trueTimeMs(profile.state.clockEstimate, now) - loginMs;
    return { keyId, usedAt: formatIsoTime(usedAtMs), isThisLogin };
  } catch (error) {
    if (error instanceof IamTokenError) return undefined;
    throw error;
  }
}
