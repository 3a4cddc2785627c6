import type { Connection } from '../client/connection.ts';
import { dial } from '../client/dial.ts';
import { IamTokenError } from '../client/iam-token-error.ts';
import * as methods from '../protocol/methods.ts';
import { type Patience, patienceOf } from '../client/patience.ts';
import type { Call } from './command.ts';
import { note } from './terminal.ts';

/** One that answers does so at once. */
const answerAtMostMs = 3_000;

/**
 * Ends a daemon that answers and that no service manager has started: it would hold what the service needs. The Task
 * Scheduler of Windows does not tell a program who started it, so there any daemon ends.
 */
export async function endDaemonByHand({ options, surroundings }: Call): Promise<void> {
  const patience = patienceOf(answerAtMostMs);
  let connection: Connection | undefined;
  try {
    connection = await dial(options.text('socket'), surroundings, patience);
    await endUnlessManaged(connection, patience);
  } catch (error) {
    // There is none, or none that could be ended this way: the service says so when it starts.
    if (!(error instanceof IamTokenError)) throw error;
  } finally {
    connection?.close();
  }
}

async function endUnlessManaged(connection: Connection, patience: Patience): Promise<void> {
  const { daemon } = await connection.ask(methods.status, { limit: 1 }, patience);
  if (daemon.manager) return;
  await connection.ask(methods.stop, {}, patience);
  await connection.untilEnded(patience);
  note(`stopped the daemon that ran so far (process ${daemon.pid})`);
}
