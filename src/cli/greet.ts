import * as methods from '../protocol/methods.ts';
import type { DaemonStatus } from '../protocol/messages.ts';
import { version } from '../shared/version.ts';
import { type Call, withDaemon } from './command.ts';
import { warnOfOtherRelease } from './release-warning.ts';

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
