import * as methods from '../protocol/methods.ts';
import { profileParams } from '../client/request-token.ts';
import type { LogoutAnswer } from '../protocol/messages.ts';
import { type Command, withDaemon } from './command.ts';
import { note, print, waiting } from './terminal.ts';
import { visible } from './visible.ts';

export const logout: Command = async (call) => {
  const { options, surroundings } = call;
  const isRevoking = options.flag('revoke');
  const params = {
    ...profileParams(options.text('profile'), surroundings.env),
    ...(isRevoking ? { revoke: true } : {}),
  };
  const answer = await waiting(
    isRevoking ? 'the keychain and Yandex Cloud' : 'the keychain',
    withDaemon(call, (connection, patience) => connection.ask(methods.logout, params, patience)),
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
