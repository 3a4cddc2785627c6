/** The commands that do one thing with the profiles, and say so in a line. */
import type { LogoutAnswer, ProfileSummary } from '../protocol/messages.ts';
import * as methods from '../protocol/methods.ts';
import { ask, type Command, profileOf, withDaemon } from './command.ts';
import { allProfiles } from './pages.ts';
import { localTime, note, print, waiting } from './terminal.ts';
import { jsonLine, visible } from './visible.ts';

export const profiles: Command = async (call) => {
  const found = await withDaemon(call, allProfiles);
  if (call.options.has('json')) print(jsonLine({ profiles: found }));
  else if (found.length > 0) print(profilesText(found));
  else note('there are no profiles yet', 'iam-token login');
};

function profilesText(found: readonly ProfileSummary[]): string {
  const rows = found.map((each) => ({ ...each, shown: visible(each.profile) }));
  const width = Math.max(...rows.map(({ shown }) => shown.length));
  return rows
    .map(({ shown, kind, isDefault }) => `${isDefault ? '*' : ' '} ${shown.padEnd(width)}  ${visible(kind)}`)
    .join('\n');
}

export const use: Command = async (call) => {
  const { profile } = await ask(call, methods.use, { profile: call.operand });
  print(`${visible(profile)} is the default profile now`);
};

export const refresh: Command = async (call) => {
  const asked = ask(call, methods.refresh, profileOf(call));
  const { profile, expiresAt } = await waiting('Yandex Cloud to renew the token', asked);
  print(`renewed ${visible(profile)}; the IAM token lives until ${localTime(expiresAt)}`);
};

export const logout: Command = async (call) => {
  const isRevoking = call.options.has('revoke');
  const params = { ...profileOf(call), ...(isRevoking ? { revoke: true } : {}) };
  const answer = await waiting(
    isRevoking ? 'the keychain and Yandex Cloud' : 'the keychain',
    ask(call, methods.logout, params),
  );
  print(`logged out of ${visible(answer.profile)}${isRevoking ? `; ${revoked(answer)}` : ''}`);
  for (const { message, hint } of answer.left ?? []) note(message, hint);
};

/** A daemon of an older release passes over what it does not know. */
function revoked({ tokenRevoked, left = [] }: LogoutAnswer): string {
  if (tokenRevoked === undefined) return 'the daemon is of a release that revokes nothing';
  if (tokenRevoked) return 'its IAM token is revoked';
  return left.length > 0 ? 'not all is revoked' : 'it had no living IAM token';
}
