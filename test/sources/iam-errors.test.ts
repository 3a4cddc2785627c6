import assert from 'node:assert/strict';
import { credential, failureOf, rpcStatus } from '../support/iam-answers.ts';

describe('a refusal of IAM has words of our own for what IAM is known to say:', () => {
  const rows: readonly (readonly [number, string, RegExp, RegExp])[] = [
    [
      16,
      'OAuth token is invalid or expired',
      /this OAuth token is invalid or has expired/,
      /^iam-token login/,
    ],
    [
      16,
      'User does not registered in Yandex.cloud',
      /not registered in Yandex Cloud/,
      /console\.yandex\.cloud/,
    ],
    [
      16,
      'User has to accept the End User License Agreement and Privacy Policy to get an IAM token',
      /has not accepted the agreement/,
      /https:\/\/auth\.yandex\.cloud\/agreement/,
    ],
    [16, "The required field 'kid' is missing from the JWT header", /id of the key/, /report it/],
    [
      3,
      "Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified",
      /could not find/,
      /report it/,
    ],
    [
      3,
      "OAuth token for user 'aje00000000000000000', issued after '2026-06-01', is not supported for IAM token exchange",
      /^Yandex Cloud no longer takes OAuth tokens made since 1 June 2026/,
      /^log in with another kind: .*\niam-token login --service-account-key key\.json$/,
    ],
    [
      16,
      'Token is invalid or has expired.',
      /this credential is invalid or has expired/,
      /^iam-token login$/,
    ],
  ];
  for (const [code, message, said, hint] of rows) {
    it(message, async () => {
      const failure = await failureOf(rpcStatus(code, message));
      assert.equal(failure.kind, 'terminal');
      assert.match(failure.message, said);
      assert.match(failure.hint ?? '', hint);
    });
  }

  it('and passes on what it does not know, with the id of the request', async () => {
    const details = [
      { '@type': 'type.googleapis.com/google.rpc.Other', what: 1 },
      { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId: '0e6c-42' },
    ];
    const failure = await failureOf(rpcStatus(9, 'Account\u0007 is\nfrozen\u202e', 400, details));
    assert.equal(failure.message, 'IAM refused with code 9: Account is frozen (request 0e6c-42)');
  });

  it('but at most 300 characters of it', async () => {
    const { message } = await failureOf(rpcStatus(9, 'x'.repeat(5_000)));
    assert.equal(message.length, 'IAM refused with code 9: '.length + 300);
  });

  it('and never a part of the credential or of a token', async () => {
    const echoes = [
      `bad token ${credential}`,
      `bad token ${credential.slice(0, 20)}…`,
      `${'x'.repeat(290)} ${credential}`,
      credential.split('').join('\u0000'),
      'bad token y0_somebody-elses-0123456789',
      'bad token t1.somebody.elses-canary',
    ];
    for (const code of [9, 14]) {
      for (const echo of echoes) {
        const { message } = await failureOf(rpcStatus(code, echo, 400, [{ requestId: credential }]));
        assert.doesNotMatch(message, /canary|redential|0123456|somebody/, echo);
      }
    }
  });
});
