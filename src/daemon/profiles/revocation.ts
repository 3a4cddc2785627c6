import type { LogoutResult } from '../../protocol/method-types.ts';
import { formatIsoTime, type Instant } from '../../shared/clock.ts';
import { problemOf } from '../../shared/errors.ts';
import type { Secret } from '../../shared/secret.ts';
import type { RevocationAdvice } from '../../sources/credential-kind.ts';
import type { AwsKeys } from '../../sources/exchange/aws-keys.ts';
import { revokeToken } from '../../sources/exchange/iam-api.ts';
import { trueTimeMs } from '../../token/clock-estimate.ts';
import type { LifecycleState } from '../../token/state.ts';
import { timeLeftMs, type Token } from '../../token/token.ts';
import type { LoginParts } from './login.ts';
import type { Profile } from './profile.ts';
import type { ProfileEntry } from './profile-registry.ts';

export type RevocationResult = Required<Omit<LogoutResult, 'profile' | 'leftovers'>>;

type RevocationParts = Pick<LoginParts, 'slots' | 'log' | 'findCredentialKind' | 'trust'>;

/**
 * Revokes the IAM tokens of a profile, and lists what stays valid: its AWS keys, which IAM cannot revoke, and the
 * credential, which only its owner can.
 * @param name of the profile
 * @param profiles the profile, and those derived from it that hold IAM tokens
 * @param awsKeyProfiles those derived from it that hold AWS keys
 */
export async function revoke(
  parts: RevocationParts,
  name: string,
  profiles: readonly Profile[],
  awsKeyProfiles: readonly Profile<AwsKeys>[],
  entry: ProfileEntry,
  signal: AbortSignal,
): Promise<RevocationResult> {
  const { findCredentialKind, trust } = parts;
  const tools = trust.toolsFor({ name });
  const now = tools.clock.now();
  const validTokens = profiles.flatMap(({ state }) => listUnexpired(state, now));
  const left: RevocationAdvice[] = [];
  for (const { value, expiresAtMs } of validTokens) {
    const failureReason = await revokeToken(value, entry, signal, tools);
    if (failureReason === null) continue;
    const message = `an IAM token could not be revoked (${failureReason}) and is valid until ${formatIsoTime(expiresAtMs)}`;
    left.push({ message, hint: 'revoke the credential too, or wait until then' });
  }
  const tokenRevoked = validTokens.length > 0 && left.length === 0;
  for (const { expiresAtMs } of awsKeyProfiles.flatMap(({ state }) => listUnexpired(state, now))) {
    const message = `the access keys of Object Storage stay valid until ${formatIsoTime(expiresAtMs)}`;
    left.push({ message, hint: 'remove the roles of this account, or wait until then' });
  }
  const credential = await readStoredCredential(parts, entry);
  const advice =
    credential === null ? null : (findCredentialKind(entry.kind)?.getRevocationAdvice(credential) ?? null);
  return { tokenRevoked, left: advice === null ? left : [...left, advice] };
}

/** Also within the expiry margin: IAM still accepts such a token. */
function listUnexpired<Value>(
  { token, clockEstimate }: LifecycleState<Value>,
  now: Instant,
): readonly Token<Value>[] {
  return token !== null && timeLeftMs(token, trueTimeMs(clockEstimate, now)) > 0 ? [token] : [];
}

async function readStoredCredential(
  { slots, log }: RevocationParts,
  { slot }: ProfileEntry,
): Promise<Secret | null> {
  try {
    return (await slots.readCredential(slot))?.credential ?? null;
  } catch (error) {
    log.write('warn', `cannot read the credential: ${problemOf(error).message}`);
    return null;
  }
}
