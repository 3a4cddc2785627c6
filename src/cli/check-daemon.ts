import { socketPaths } from '../client/dial.ts';
import { upgradeCommand } from '../platform/service-manager.ts';
import * as methods from '../protocol/methods.ts';
import type { DaemonStatus } from '../protocol/method-types.ts';
import { daemonHint } from '../shared/hint.ts';
import { version } from '../shared/version.ts';
import { type CommandContext, withDaemon } from './command.ts';
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

/** After an upgrade the old daemon keeps working until it is restarted. */
export function warnOnVersionMismatch(daemonVersion: string, context: CommandContext): void {
  if (daemonVersion === version) return;
  const { socketPath, processContext } = context;
  const [path] = socketPaths(socketPath, processContext).paths;
  printWarning(
    `the daemon is version ${daemonVersion}, this client is version ${version}`,
    formatHintText(daemonHint(upgradeCommand(processContext, path)), context),
  );
}
