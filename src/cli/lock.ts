import { IamTokenError } from '../client/iam-token-error.ts';
import type { DaemonStatus, UnlockAnswer } from '../protocol/messages.ts';
import * as methods from '../protocol/methods.ts';
import { Secret } from '../shared/secret.ts';
import { canAsk, promptHidden, readSecretLine } from './asking.ts';
import { ask, type Call, type Command } from './command.ts';
import { usageError } from './endings.ts';
import { greet } from './greet.ts';
import { isTerminal, print, say, waiting } from './terminal.ts';

export const lock: Command = async (call) => {
  const { outcome } = await ask(call, methods.lock, {});
  print(
    outcome === 'locked'
      ? 'locked: there are no tokens until iam-token unlock'
      : 'it was locked already; iam-token unlock ends that',
  );
};

const said: Readonly<Record<UnlockAnswer['outcome'], string>> = {
  made: 'made the file store, and opened it',
  opened: 'unlocked',
  was_open: 'nothing was locked',
};

/** Asks for a passphrase only where the daemon's store has one. */
export const unlock: Command = async (call) => {
  const { store } = await greet('unlock', call);
  print(said[await unlockStore(call, store, call.options.has('stdin'))]);
};

/**
 * Makes a store with a passphrase, where that is yet to be done, before the credential is asked for.
 * @throws IamTokenError `locked` where a login would fail for it; `bad_request`, QuietEnd
 */
export async function unlockForLogin(call: Call, { locked, store }: DaemonStatus): Promise<void> {
  const isStoreLocked = store.passphrase === 'needed';
  if (locked === true || isStoreLocked) {
    const message = `the ${locked === true ? 'daemon' : 'file store'} is locked`;
    throw new IamTokenError('locked', message, { hint: 'iam-token unlock' });
  }
  if (store.passphrase === 'new') await unlockStore(call, store, false);
}

async function unlockStore(
  call: Call,
  { passphrase }: DaemonStatus['store'],
  fromStdin: boolean,
): Promise<UnlockAnswer['outcome']> {
  const params =
    passphrase === undefined ? {} : { passphrase: (await readPassphrase(passphrase, fromStdin)).expose() };
  return (await waiting('the store to open', ask(call, methods.unlock, params))).outcome;
}

const invitation = `There is no file store yet. Choose a passphrase for it, and keep it well: without it nobody, you
included, can read what lies in the store.

`;

/**
 * The passphrase of the file store; a new one is typed twice.
 * @param fromStdin whether one line of stdin is meant, if that is no terminal
 * @throws IamTokenError `bad_request`; QuietEnd
 */
async function readPassphrase(which: 'needed' | 'new', fromStdin: boolean): Promise<Secret> {
  if (fromStdin && !isTerminal('stdin')) return notEmpty(await readSecretLine());
  if (!canAsk()) {
    throw usageError(
      'there is no terminal to ask for the passphrase of the file store',
      'give it on one line of stdin: iam-token unlock --stdin < FILE',
    );
  }
  if (which === 'needed') {
    return notEmpty(await promptHidden('Passphrase of the file store (not shown): '));
  }
  say(invitation);
  const passphrase = notEmpty(await promptHidden('New passphrase (not shown): '));
  const again = await promptHidden('The same once more: ');
  if (passphrase.equals(again)) return passphrase;
  throw usageError('these were two different passphrases', 'try again; no store was made');
}

function notEmpty(passphrase: Secret): Secret {
  if (!passphrase.equals(new Secret(''))) return passphrase;
  throw usageError('no passphrase was given');
}
