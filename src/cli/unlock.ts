import { IamTokenError } from '../client/iam-token-error.ts';
import * as methods from '../protocol/methods.ts';
import type { DaemonStatus, UnlockAnswer } from '../protocol/messages.ts';
import { type Call, type Command, withDaemon } from './command.ts';
import { greet } from './greet.ts';
import { readPassphrase } from './passphrase.ts';
import { print, waiting } from './terminal.ts';

const said: Readonly<Record<UnlockAnswer['outcome'], string>> = {
  made: 'made the file store, and opened it',
  opened: 'unlocked',
  was_open: 'nothing was locked',
};

/** Asks for a passphrase only where the daemon's store has one. */
export const unlock: Command = async (call) => {
  const { store } = await greet('unlock', call);
  print(said[await unlockStore(call, store, call.options.flag('stdin'))]);
};

/**
 * Makes a store with a passphrase, where that is yet to be done, before the credential is asked for.
 * @throws IamTokenError `locked` where a login would fail for it; `bad_request`, QuietEnd
 */
export async function unlockForLogin(call: Call, { locked, store }: DaemonStatus): Promise<void> {
  if (locked === true) {
    throw new IamTokenError('locked', 'the daemon is locked', { hint: 'iam-token unlock' });
  }
  if (store.passphrase === 'new') await unlockStore(call, store, false);
  if (store.passphrase === 'needed') {
    throw new IamTokenError('locked', 'the file store is locked', { hint: 'iam-token unlock' });
  }
}

async function unlockStore(
  call: Call,
  { passphrase }: DaemonStatus['store'],
  fromStdin: boolean,
): Promise<UnlockAnswer['outcome']> {
  const params =
    passphrase === undefined ? {} : { passphrase: (await readPassphrase(passphrase, fromStdin)).expose() };
  const { outcome } = await waiting(
    'the store to open',
    withDaemon(call, (connection, patience) => connection.ask(methods.unlock, params, patience)),
  );
  return outcome;
}
