import { hasServiceManager, startCommand } from '../../../platform/service-manager.ts';
import type { ServiceDefinition } from '../../../service/service-definition.ts';
import { callDaemon, type CommandContext, type CommandDefinition } from '../../command.ts';
import { print, withProgress } from '../../terminal/terminal.ts';
import { runAll, findUserService } from '../../current-service.ts';
import { findUnreachableDaemon, isProcessOfUnit, stopDaemon } from '../../stop-daemon.ts';
import * as methods from '../../../protocol/methods.ts';

export const stop: CommandDefinition = {
  name: 'stop',
  summary: 'stop the daemon',
  description:
    'A daemon that is installed as a service starts again with the next session; one for the whole system, at the next request.',
  examples: ['iam-token stop'],
  run: runStop,
};

/** Stops a service through its manager, which would otherwise start it again. */
async function runStop(context: CommandContext): Promise<void> {
  const service = await findManagingService(context);
  if (service !== null) {
    await withProgress('the daemon to stop', runAll(service.stopCommands, context, service.logCommand));
    print(
      `iam-tokend has stopped until your next session; to start it now: ${startCommand(context.processContext)}`,
    );
    return;
  }
  await withProgress('the daemon to stop', stopDaemon(context));
  print('iam-tokend has stopped');
}

/** `null` for an explicit socket: it may belong to a daemon on another machine. */
async function findManagingService(context: CommandContext): Promise<ServiceDefinition | null> {
  const { socketPath, processContext } = context;
  const explicitSocketPath = socketPath ?? processContext.env['IAM_TOKEND_SOCKET'];
  if (explicitSocketPath || processContext.uid === 0 || !hasServiceManager(processContext)) return null;
  const service = findUserService(processContext);
  return (await isManaged(context, service.unit)) ? service : null;
}

async function isManaged(context: CommandContext, unit: string): Promise<boolean> {
  try {
    const { daemon } = await callDaemon(context, methods.status, { limit: 1 });
    return daemon.manager?.unit === unit;
  } catch (error) {
    const daemon = findUnreachableDaemon(context, error);
    if (daemon === null) throw error;
    return isProcessOfUnit(daemon.pid, unit);
  }
}
