import { renewCommand } from '../platform/service-manager.ts';
import type { DaemonStatus } from '../protocol/messages.ts';
import * as methods from '../protocol/methods.ts';
import { version } from '../shared/version.ts';
import { type Call, withDaemon } from './command.ts';
import { printWarning } from './terminal.ts';

/**
 * Sees that the daemon is there and may be told a secret, before a person takes the trouble.
 * @throws IamTokenError
 */
export function greet(method: 'login' | 'unlock', call: Call): Promise<DaemonStatus> {
  return withDaemon(call, async (connection, patience) => {
    connection.checkSecrecy(method);
    const theirs = await connection.ask(methods.hello, { version }, patience);
    warnOfOtherRelease(theirs.version, call);
    const { daemon } = await connection.ask(methods.status, { limit: 1 }, patience);
    return daemon;
  });
}

/** Says where an upgrade has left the daemon behind; it goes on to work. */
export function warnOfOtherRelease(daemonVersion: string, { surroundings }: Call): void {
  if (daemonVersion === version) return;
  printWarning(
    `the daemon is of release ${daemonVersion}, this client of ${version}`,
    renewCommand(surroundings),
  );
}
