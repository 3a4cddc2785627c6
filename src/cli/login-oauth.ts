import { Secret } from '../shared/secret.ts';
import { usageError } from './endings.ts';
import type { LoginKind } from './login-kind.ts';
import { canAsk } from './question.ts';
import { promptHidden, readSecretLine } from './secret-prompt.ts';
import { isTerminal } from './terminal.ts';

/** Where a person gets an OAuth token of their own; the client id is the one that the documentation names. */
const oauthPage =
  'https://oauth.yandex.com/authorize?response_type=token&client_id=1a6990aa636648e9b2ef855fa7bec2fb';

const invitation = `Open this page, allow the access, and copy the OAuth token that it shows:

  ${oauthPage}

Yandex Cloud refuses OAuth tokens made since 1 June 2026; an older one works until it expires.
`;

/** Through a terminal the token is never shown, however it was asked for. */
export const oauth: LoginKind = {
  name: 'oauth',
  option: 'oauth',
  ownOptions: ['stdin'],
  waitsFor: 'Yandex Cloud',

  check({ options }) {
    if (options.flag('stdin') || canAsk()) return;
    throw usageError(
      'there is no terminal to ask for the OAuth token',
      'give it on one line of stdin: iam-token login --stdin < FILE',
    );
  },

  async read({ options }) {
    const secret = await readToken(options.flag('stdin'));
    if (secret.equals(new Secret(''))) throw usageError('no OAuth token was given');
    return { secret };
  },
};

async function readToken(fromStdin: boolean): Promise<Secret> {
  if (fromStdin && !isTerminal('stdin')) return readSecretLine();
  return promptHidden(fromStdin ? 'OAuth token: ' : `${invitation}\nOAuth token (not shown): `);
}
