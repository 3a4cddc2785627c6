import * as methods from '../protocol/methods.ts';
import type { DaemonStatus } from '../protocol/method-types.ts';
import { version } from '../shared/version.ts';
import {
  type CommandContext,
  type ConnectOptions,
  olderDaemonError,
  restartHint,
  withDaemon,
} from './command.ts';
import { formatHintText } from './socket-line.ts';
import { printWarning } from './terminal/terminal.ts';

/**
 * Checks, before a secret is read, that the daemon is running and may receive it.
 * @throws IamTokenError
 */
export function checkDaemon(method: 'login' | 'unlock', context: CommandContext): Promise<DaemonStatus> {
  return withDaemon(context, async (connection, deadline) => {
    connection.assertMayCarrySecrets(method);
    const daemonHello = await connection.call(methods.hello, { version }, deadline);
    warnOnVersionMismatch(daemonHello.version, context);
    const { daemon } = await connection.call(methods.status, { limit: 1 }, deadline);
    return daemon;
  });
}

/**
 * Checks that the daemon is not of a release that ignores or refuses what this client is going to send.
 * @param feature `--replace-key`
 * @throws IamTokenError `unknown_method`
 */
export function requireRelease(
  release: string,
  feature: string,
  daemonVersion: string,
  context: ConnectOptions,
): void {
  if (isOlder(daemonVersion, release))
    throw olderDaemonError(`is version ${daemonVersion}`, feature, context);
}

function isOlder(release: string, other: string): boolean {
  return release.localeCompare(other, 'en', { numeric: true }) < 0;
}

/** After an upgrade the old daemon keeps working until it is restarted. */
export function warnOnVersionMismatch(daemonVersion: string, connectOptions: ConnectOptions): void {
  if (daemonVersion === version) return;
  printWarning(
    `the daemon is version ${daemonVersion}, this client is version ${version}`,
    formatHintText(restartHint(connectOptions), connectOptions),
  );
}
