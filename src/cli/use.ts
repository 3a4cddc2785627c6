import * as methods from '../protocol/methods.ts';
import { type Command, withDaemon } from './command.ts';
import { print } from './terminal.ts';
import { visible } from './visible.ts';

export const use: Command = async (call) => {
  const { profile } = await withDaemon(call, (connection, patience) =>
    connection.ask(methods.use, { profile: call.operand }, patience),
  );
  print(`${visible(profile)} is the default profile now`);
};
