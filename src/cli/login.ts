import * as methods from '../client/methods.ts';
import { profileParams } from '../client/request-token.ts';
import type { Params } from '../protocol/messages.ts';
import { Secret } from '../shared/secret.ts';
import { version } from '../shared/version.ts';
import { type Call, type Command, withDaemon } from './command.ts';
import { UsageError } from './endings.ts';
import { localTime } from './moments.ts';
import { promptHidden, readSecretLine } from './secret-prompt.ts';
import { isTerminal, print, waiting } from './terminal.ts';
import { unlockForLogin } from './unlock.ts';
import { visible } from './visible.ts';

/** Where a person gets an OAuth token of their own; the client id is the one that the documentation names. */
const oauthPage =
  'https://oauth.yandex.com/authorize?response_type=token&client_id=1a6990aa636648e9b2ef855fa7bec2fb';

const invitation = `Open this page, allow the access, and copy the OAuth token that it shows:

  ${oauthPage}

Yandex Cloud refuses OAuth tokens made since 1 June 2026; an older one works until it expires.
`;

/** Sees that the daemon is there before a person takes the trouble, and lets it have the credential. */
export const login: Command = async (call) => {
  const { options, surroundings } = call;
  if (!options.flag('stdin') && !canAsk()) {
    throw new UsageError(
      'there is no terminal to ask for the OAuth token',
      'give it on one line of stdin: iam-token login --stdin < FILE',
    );
  }
  const { daemon } = await withDaemon(call, async (connection, patience) => {
    connection.checkSecrecy('login');
    await connection.ask(methods.hello, { version }, patience);
    return connection.ask(methods.status, { limit: 1 }, patience);
  });
  await unlockForLogin(call, daemon);
  const secret = await readSecret(call);
  if (secret.equals(new Secret(''))) throw new UsageError('no OAuth token was given');
  const endpoint = options.text('endpoint');
  const params: Params<'login'> = {
    ...profileParams(options.text('profile'), surroundings.env),
    kind: 'oauth',
    secret: secret.expose(),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  const { profile, subject, expiresAt } = await waiting(
    'the keychain and Yandex Cloud',
    withDaemon(call, (connection, patience) => connection.ask(methods.login, params, patience)),
  );
  print(`logged in as ${visible(subject ?? profile)}; the IAM token lives until ${localTime(expiresAt)}`);
};

/** Through a terminal it is never shown, however it was asked for. */
async function readSecret({ options }: Call): Promise<Secret> {
  if (options.flag('stdin') && !isTerminal('stdin')) return readSecretLine();
  return promptHidden(options.flag('stdin') ? 'OAuth token: ' : `${invitation}\nOAuth token (not shown): `);
}

function canAsk(): boolean {
  return isTerminal('stdin') && isTerminal('stderr');
}
