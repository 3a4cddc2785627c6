import * as methods from '../client/methods.ts';
import { profileParams } from '../client/request-token.ts';
import { type Command, withDaemon } from './command.ts';
import { print, waiting } from './terminal.ts';
import { visible } from './visible.ts';

export const logout: Command = async (call) => {
  const { options, surroundings } = call;
  const params = profileParams(options.text('profile'), surroundings.env);
  const { profile } = await waiting(
    'the keychain',
    withDaemon(call, (connection, patience) => connection.ask(methods.logout, params, patience)),
  );
  print(`logged out of ${visible(profile)}`);
};
