import type {
  AwsCredentialsResult,
  MethodParams,
  MethodResult,
  TokenResult,
} from '../../protocol/method-types.ts';
import { type Clock, formatIsoTime } from '../../shared/clock.ts';
import { IamTokenError, renderProblem } from '../../shared/errors.ts';
import type { AwsKeys } from '../../sources/exchange/aws-keys.ts';
import { currentProblem } from '../../token/selectors.ts';
import type { IamToken, Token } from '../../token/token.ts';
import type { Profile } from '../profiles/profile.ts';
import type { Hooks } from '../hooks/hooks.ts';
import type { Profiles } from '../profiles/profiles.ts';
import type { Peer } from '../../protocol/peer.ts';
import type { PendingResult } from './pending-requests.ts';
import { limitedUserOf } from './request-limits.ts';
import { WarnedSessions } from './warned-sessions.ts';

export interface TokenHandlers {
  token(params: MethodParams<'token'>, peer: Peer): TokenResult | PendingResult<TokenResult>;
  awsCredentials(
    params: MethodParams<'awsCredentials'>,
    peer: Peer,
  ): AwsCredentialsResult | PendingResult<AwsCredentialsResult>;
  refresh(params: MethodParams<'refresh'>): PendingResult<MethodResult<'refresh'>>;
}

/** The methods that return what IAM issues. */
export function createTokenHandlers(
  clock: Pick<Clock, 'now'>,
  profiles: Profiles,
  hooks: Pick<Hooks, 'isWorking'>,
): TokenHandlers {
  const warnedSessions = new WarnedSessions(clock);
  /** The same token is served thousands of times, and formatting its expiry takes longer than all else. */
  const unchangingParts = new WeakMap<IamToken, TokenResult>();

  function buildTokenResult(profile: Profile, token: IamToken): TokenResult {
    let result = unchangingParts.get(token);
    // A rename keeps the token.
    if (result?.profile !== profile.name) {
      result = { token: token.value.expose(), ...buildRefreshResult(profile, token) };
      unchangingParts.set(token, result);
    }
    const { failureStreak, clockEstimate } = profile.state;
    if (clockEstimate.offsetMs !== 0) result = { ...result, ...clockOffsetOf(profile) };
    const problem = failureStreak === null ? null : currentProblem(profile.state, clock.now());
    if (problem?.code !== 'login_required') return result;
    return { ...result, warning: renderProblem(problem, profiles.getHintProfile(profile.name)) };
  }

  function withWarned(result: TokenResult, session: string | undefined, { uid }: Peer): TokenResult {
    if (result.warning === undefined || session === undefined) return result;
    const isRepeated = warnedSessions.isRepeated(session, result.profile, uid);
    return { ...result, warned: isRepeated || hooks.isWorking('login_required') };
  }

  return {
    token: ({ profile: name, minTtlMs, impersonateServiceAccountId, session }, peer) => {
      const profile =
        impersonateServiceAccountId === undefined
          ? profiles.getUnlocked(name)
          : profiles.getImpersonated(name, impersonateServiceAccountId, limitedUserOf(peer));
      return getOrRequestToken(profile, minTtlMs, (...token) =>
        withWarned(buildTokenResult(...token), session, peer),
      );
    },
    awsCredentials: ({ profile, minTtlMs }, peer) =>
      getOrRequestToken(
        profiles.getAwsKeys(profile, limitedUserOf(peer)),
        minTtlMs,
        buildAwsCredentialsResult,
      ),
    refresh: (params) => {
      const profile = profiles.getUnlocked(params.profile);
      return async (signal) => {
        profiles.retryDerived(profile);
        return buildRefreshResult(profile, await profile.requestRefresh(signal));
      };
    },
  };
}

function getOrRequestToken<Value, Result extends object>(
  profile: Profile<Value>,
  minTtlMs = 0,
  buildResult: (profile: Profile<Value>, token: Token<Value>) => Result,
): Result | PendingResult<Result> {
  const token = profile.getValidToken(minTtlMs);
  if (token !== null) return buildResult(profile, token);
  // Answered at once, even while too many requests wait.
  const rejection = profile.rejectRequest(minTtlMs);
  if (rejection !== null) throw new IamTokenError(rejection);
  return async (signal) => buildResult(profile, await profile.requestToken(minTtlMs, signal));
}

export function buildRefreshResult(profile: Profile, token: IamToken): MethodResult<'refresh'> {
  return { expiresAt: formatIsoTime(token.expiresAtMs), profile: profile.name, subject: token.subject };
}

function buildAwsCredentialsResult(
  profile: Profile<AwsKeys>,
  { value, expiresAtMs }: Token<AwsKeys>,
): AwsCredentialsResult {
  return {
    accessKeyId: value.accessKeyId,
    secretAccessKey: value.secretAccessKey.expose(),
    sessionToken: value.sessionToken.expose(),
    expiresAt: formatIsoTime(expiresAtMs),
    profile: profile.name,
    ...clockOffsetOf(profile),
  };
}

function clockOffsetOf<Value>(profile: Profile<Value>): { readonly clockOffsetMs?: number } {
  const { offsetMs } = profile.state.clockEstimate;
  return offsetMs === 0 ? {} : { clockOffsetMs: Math.round(offsetMs) };
}
