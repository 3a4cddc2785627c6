import * as methods from '../protocol/methods.ts';
import { type Command, withDaemon } from './command.ts';
import { print } from './terminal.ts';

export const lock: Command = async (call) => {
  const { outcome } = await withDaemon(call, (connection, patience) =>
    connection.ask(methods.lock, {}, patience),
  );
  print(
    outcome === 'locked'
      ? 'locked: there are no tokens until iam-token unlock'
      : 'it was locked already; iam-token unlock ends that',
  );
};
