import { Secret } from '../../shared/secret.ts';
import { type CredentialKind, createBadRequestError } from '../credential-kind.ts';
import { createToken, probeTokensUrl } from '../exchange/iam-api.ts';
import { createSunsetNotice } from './oauth-sunset.ts';

/** IAM's own limit: yandex.cloud/en/docs/iam/api-ref/IamToken/create. */
const maxOauthTokenLength = 4_000;

/** The OAuth token of a Yandex account. */
export const oauthKind: CredentialKind = {
  name: 'oauth',
  accountCollections: ['userAccounts'],

  async createCredential({ secret = '' }) {
    // People copy a token with the quotes of JSON or of a shell.
    const token = secret.replace(/\r?\n$/, '').replace(/^(['"])(.*)\1$/, '$2');
    if (token === '') throw createBadRequestError('the OAuth token is empty');
    if (token.length > maxOauthTokenLength)
      throw createBadRequestError('the OAuth token is longer than 4,000 characters');
    if (/[\s\p{C}]/u.test(token)) {
      throw createBadRequestError('the OAuth token contains spaces, line breaks or control characters');
    }
    if (token.startsWith('t1.')) {
      throw createBadRequestError(
        'expected an OAuth token, got an IAM token',
        'an OAuth token begins with y0_, y1_, y2_, y3_ or AQAA',
      );
    }
    return new Secret(token);
  },

  open(credential, installation, tools) {
    return {
      exchange: (signal) =>
        createToken({ field: 'yandexPassportOauthToken', secret: credential }, installation, signal, tools),
      probe: () => probeTokensUrl(installation, tools),
    };
  },

  getNotice: createSunsetNotice,

  // There is no API call for it: yandex.ru/dev/id/doc/en/tokens/token-invalidate, November 2026.
  getRevocationAdvice: () => ({
    message: 'the OAuth token itself is still valid',
    hint: 'revoke the access at https://id.yandex.com/personal/data-access',
  }),
};
