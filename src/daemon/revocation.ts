import type { LogoutAnswer } from '../protocol/messages.ts';
import { isoTime } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';
import type { Advice } from '../sources/credential-kind.ts';
import { revokeToken } from '../sources/iam-api.ts';
import { type IamToken, lifeLeftMs } from '../token/iam-token.ts';
import { trueTimeMs } from '../token/time.ts';
import type { LoginParts } from './login.ts';
import type { Profile } from './profile.ts';
import type { ProfileEntry } from './profile-registry.ts';

export type Revocation = Required<Omit<LogoutAnswer, 'profile'>>;

type Parts = Pick<LoginParts, 'slots' | 'log' | 'kindOf' | 'tools'>;

/**
 * Ends what a profile would leave behind, as far as IAM can: its IAM tokens. The credential itself only a person can
 * end.
 * @param runners the profile, and all that act by way of it
 * @param keys what has keys of Object Storage, which nobody can end
 */
export async function revoke(
  parts: Parts,
  runners: readonly Profile[],
  keys: readonly Profile[],
  entry: ProfileEntry,
  signal: AbortSignal,
): Promise<Revocation> {
  const { kindOf, tools } = parts;
  const now = tools.clock.now();
  const livingOf = (all: readonly Profile[]): readonly IamToken[] =>
    all.flatMap(({ state: { token, time } }) =>
      token !== null && lifeLeftMs(token, trueTimeMs(time, now)) > 0 ? [token] : [],
    );
  const living = livingOf(runners);
  const left: Advice[] = [];
  for (const { value, expiresAtMs } of living) {
    const why = await revokeToken(value, entry, signal, tools);
    if (why === null) continue;
    const message = `an IAM token could not be revoked (${why}) and is valid until ${isoTime(expiresAtMs)}`;
    left.push({ message, hint: 'revoke what it was made with, or wait until then' });
  }
  const tokenRevoked = living.length > 0 && left.length === 0;
  for (const { expiresAtMs } of livingOf(keys)) {
    const message = `the keys of Object Storage stay valid until ${isoTime(expiresAtMs)}`;
    left.push({ message, hint: 'take the roles from this account, or wait until then' });
  }
  const credential = await stored(parts, entry);
  const advice = credential === null ? null : (kindOf(entry.kind)?.revocationAdvice(credential) ?? null);
  return { tokenRevoked, left: advice === null ? left : [...left, advice] };
}

async function stored({ slots, log }: Parts, { slot }: ProfileEntry): Promise<Secret | null> {
  try {
    return (await slots.readCredential(slot))?.credential ?? null;
  } catch (error) {
    log.write('warn', `the credential cannot be read: ${problemOf(error).message}`);
    return null;
  }
}
