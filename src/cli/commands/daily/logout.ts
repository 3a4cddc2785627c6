import * as methods from '../../../protocol/methods.ts';
import type { LogoutResult } from '../../../protocol/method-types.ts';
import { callDaemon, type CommandContext, type CommandDefinition, profileParamsOf } from '../../command.ts';
import { flag, keychainTimeoutMs, profileOption } from '../../parsing/options.ts';
import { escapeControlCharacters } from '../../terminal/escape.ts';
import { printDaemonNotes } from '../../print-daemon-notes.ts';
import { print, withProgress } from '../../terminal/terminal.ts';

export const logout: CommandDefinition = {
  name: 'logout',
  summary: 'remove a credential',
  options: { profile: profileOption, revoke: flag('also revoke its IAM tokens') },
  examples: ['iam-token logout --profile work', 'iam-token logout --revoke'],
  timeoutMs: keychainTimeoutMs,
  run: runLogout,
};

async function runLogout(context: CommandContext): Promise<void> {
  const isRevoking = context.options.has('revoke');
  const params = { ...profileParamsOf(context), ...(isRevoking ? { revoke: true } : {}) };
  const result = await withProgress(
    isRevoking ? 'the keychain and Yandex Cloud' : 'the keychain',
    callDaemon(context, methods.logout, params),
  );
  print(
    `logged out of ${escapeControlCharacters(result.profile)}${isRevoking ? `; ${formatRevocation(result)}` : ''}`,
  );
  printDaemonNotes([...(result.left ?? []), result.leftovers], context);
}

/** An older daemon ignores `revoke`: its result has no `tokenRevoked`. */
function formatRevocation({ tokenRevoked, left = [] }: LogoutResult): string {
  if (tokenRevoked === undefined) return 'this version of the daemon cannot revoke tokens';
  if (tokenRevoked) return 'its IAM token is revoked';
  return left.length > 0 ? 'not everything was revoked' : 'it had no valid IAM token';
}
