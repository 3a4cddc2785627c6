import { hasServiceManager, startCommand } from '../platform/service-manager.ts';
import * as methods from '../protocol/methods.ts';
import type { Service } from '../service/service.ts';
import { ask, type Call, type Command, withDaemon } from './command.ts';
import { print, waiting } from './terminal.ts';
import { runAll, thisService } from './this-service.ts';

/** Through its service manager where it has one: else the next request would start it again. */
export const stop: Command = async (call) => {
  const service = await serviceOfDaemon(call);
  if (service !== null) {
    await waiting('the daemon to end', runAll(service.stop, call, service.showLog));
    print(`the daemon has stopped, until the next session or ${startCommand(call.surroundings)}`);
    return;
  }
  await withDaemon(call, async (connection, patience) => {
    await connection.ask(methods.stop, {}, patience);
    // Done when the daemon has hung up.
    await waiting('the daemon to end', connection.untilEnded(patience));
  });
  print('the daemon has stopped');
};

/** A socket that somebody names may lead to a daemon of another machine. */
async function serviceOfDaemon(call: Call): Promise<Service | null> {
  const { socketPath, surroundings } = call;
  const isNamed = socketPath ?? surroundings.env['IAM_TOKEND_SOCKET'];
  if (isNamed || surroundings.uid === 0 || !hasServiceManager(surroundings)) return null;
  const { daemon } = await ask(call, methods.status, { limit: 1 });
  const service = thisService(surroundings);
  return daemon.manager?.unit === service.unit ? service : null;
}
