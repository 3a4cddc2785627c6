/** Opens the daemon's store, with a passphrase if the store has one. */
import * as methods from '../protocol/methods.ts';
import type { DaemonStatus, UnlockResult } from '../protocol/method-types.ts';
import { IamTokenError } from '../shared/errors.ts';
import { daemonHint } from '../shared/hint.ts';
import { Secret } from '../shared/secret.ts';
import { usageError } from './cli-errors.ts';
import { callDaemon, type CommandContext } from './command.ts';
import { canPrompt, promptHidden, readSecretLine } from './terminal/prompt.ts';
import { isTerminal, withProgress, writeStderr } from './terminal/terminal.ts';

/**
 * Creates the file store if it does not exist, before the login prompts for a credential.
 * @throws IamTokenError `locked` if the daemon or the store is locked; `bad_request`; SilentExit
 */
export async function unlockForLogin(
  context: CommandContext,
  { locked, store }: DaemonStatus,
): Promise<void> {
  const isStoreLocked = store.passphrase === 'needed';
  if (locked === true || isStoreLocked) {
    const message = `the ${locked === true ? 'daemon' : 'file store'} is locked`;
    throw new IamTokenError({ code: 'locked', message, hint: daemonHint('iam-token unlock') });
  }
  if (store.passphrase === 'new') await unlockStore(context, store, false);
}

export async function unlockStore(
  context: CommandContext,
  { passphrase }: DaemonStatus['store'],
  fromStdin: boolean,
): Promise<UnlockResult['outcome']> {
  const params =
    passphrase === undefined ? {} : { passphrase: (await readPassphrase(passphrase, fromStdin)).expose() };
  return (await withProgress('the store', callDaemon(context, methods.unlock, params))).outcome;
}

const newPassphraseNotice = `Choose a passphrase for the new file store. It cannot be recovered: without it, the stored
credentials are lost.

`;

/**
 * The passphrase of the file store; a new one is typed twice.
 * @param fromStdin read one line of stdin, unless stdin is a terminal
 * @throws IamTokenError `bad_request`; SilentExit
 */
async function readPassphrase(passphraseState: 'needed' | 'new', fromStdin: boolean): Promise<Secret> {
  if (fromStdin && !isTerminal('stdin')) return requireNonEmpty(await readSecretLine());
  if (!canPrompt()) {
    throw usageError(
      'cannot prompt for the passphrase of the file store without a terminal',
      daemonHint('iam-token unlock --stdin < FILE'),
    );
  }
  if (passphraseState === 'needed') {
    return requireNonEmpty(await promptHidden('Passphrase of the file store (not shown): '));
  }
  writeStderr(newPassphraseNotice);
  const passphrase = requireNonEmpty(await promptHidden('New passphrase (not shown): '));
  const confirmation = await promptHidden('Repeat the passphrase: ');
  if (passphrase.equals(confirmation)) return passphrase;
  throw usageError('the passphrases do not match', daemonHint('iam-token unlock'));
}

function requireNonEmpty(passphrase: Secret): Secret {
  if (!passphrase.equals(new Secret(''))) return passphrase;
  throw usageError('the passphrase is empty');
}
