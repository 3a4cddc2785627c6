import { Secret } from '../shared/secret.ts';
import { usageError } from './endings.ts';
import { canAsk } from './question.ts';
import { promptHidden, readSecretLine } from './secret-prompt.ts';
import { isTerminal, say } from './terminal.ts';

const invitation = `There is no file store yet. Choose a passphrase for it, and keep it well: without it nobody, you
included, can read what lies in the store.

`;

/**
 * The passphrase of the file store; a new one is typed twice.
 * @param fromStdin whether one line of stdin is meant, if that is no terminal
 * @throws IamTokenError `bad_request`, QuietEnd
 */
export async function readPassphrase(which: 'needed' | 'new', fromStdin: boolean): Promise<Secret> {
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
