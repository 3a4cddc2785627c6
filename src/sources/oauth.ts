import { Secret } from '../shared/secret.ts';
import { type CredentialKind, refusal } from './credential-kind.ts';
import { createToken } from './iam-api.ts';
import { oauthNotice } from './oauth-end.ts';

/** IAM's own limit: yandex.cloud/en/docs/iam/api-ref/IamToken/create. */
const longest = 4_000;

/** The OAuth token of a person's Yandex account. */
export const oauthKind: CredentialKind = {
  name: 'oauth',

  async accept({ secret = '' }) {
    const token = secret.replace(/\r?\n$/, '');
    if (token === '') throw refusal('the OAuth token is empty');
    if (token.length > longest) throw refusal('the OAuth token has more than 4,000 characters');
    if (/[\s\p{C}]/u.test(token)) {
      throw refusal('the OAuth token has spaces, line breaks or control characters in it');
    }
    if (token.startsWith('t1.')) {
      throw refusal(
        'this is an IAM token, and an OAuth token is needed',
        'an OAuth token begins with y0_, y1_, y2_, y3_ or AQAA',
      );
    }
    return new Secret(token);
  },

  open(credential, installation, tools) {
    return {
      exchange: (signal) =>
        createToken({ field: 'yandexPassportOauthToken', secret: credential }, installation, signal, tools),
    };
  },

  notice: oauthNotice,

  // yandex.ru/dev/id/doc/en/tokens/token-invalidate: a person takes the access back there, and no call of ours can.
  revocationAdvice: () => ({
    message: 'the OAuth token itself is still valid',
    hint: 'take the access back at https://id.yandex.com/personal/data-access',
  }),
};
