import * as methods from '../protocol/methods.ts';
import { profileParams } from '../client/request-token.ts';
import { type Command, withDaemon } from './command.ts';
import { localTime } from './moments.ts';
import { print, waiting } from './terminal.ts';
import { visible } from './visible.ts';

export const refresh: Command = async (call) => {
  const { options, surroundings } = call;
  const params = profileParams(options.text('profile'), surroundings.env);
  const { profile, expiresAt } = await waiting(
    'Yandex Cloud to renew the token',
    withDaemon(call, (connection, patience) => connection.ask(methods.refresh, params, patience)),
  );
  print(`renewed ${visible(profile)}; the IAM token lives until ${localTime(expiresAt)}`);
};
