import * as methods from '../client/methods.ts';
import { type Command, withDaemon } from './command.ts';
import { print, waiting } from './terminal.ts';

/** Done when the daemon has hung up. */
export const stop: Command = async (call) => {
  await withDaemon(call, async (connection, patience) => {
    await connection.ask(methods.stop, {}, patience);
    await waiting('the daemon to end', connection.untilEnded(patience));
  });
  print('the daemon has stopped');
};
