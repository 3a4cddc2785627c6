import assert from 'node:assert/strict';
import { formatHint } from '../../../src/shared/hint.ts';
import { credential, captureFailure, createStatusResponse } from '../../support/iam/iam-responses.ts';

describe('an error of IAM', () => {
  const rows: readonly (readonly [number, string, RegExp, RegExp])[] = [
    [
      16,
      'OAuth token is invalid or expired',
      /^the OAuth token is invalid or has expired$/,
      /^use an OAuth token issued before 1 June 2026: iam-token login --oauth\n/,
    ],
    [16, 'User does not registered in Yandex.cloud', /no cloud in Yandex Cloud$/, /console\.yandex\.cloud/],
    [
      16,
      'User has to accept the End User License Agreement and Privacy Policy to get an IAM token',
      /has not accepted the agreement/,
      /https:\/\/auth\.yandex\.cloud\/agreement/,
    ],
    [16, "The required field 'kid' is missing from the JWT header", /no key id in the JWT$/, /report it/],
    [
      3,
      "Exactly one of 'yandexPassportOauthToken' and 'jwt' should be specified",
      /found no credential/,
      /report it/,
    ],
    [
      3,
      "OAuth token for user 'aje00000000000000000', issued after '2026-06-01', is not supported for IAM token exchange",
      /^IAM rejected the OAuth token: new OAuth tokens have been refused since 1 June 2026$/,
      /^log in with another kind: .*\niam-token login --service-account-key FILE$/,
    ],
    [
      16,
      'Token is invalid or has expired.',
      /^the credential is invalid or has expired$/,
      /^iam-token login$/,
    ],
  ];
  for (const [code, message, messagePattern, hintPattern] of rows) {
    it(`is explained: ${message}`, async () => {
      const failure = await captureFailure(createStatusResponse(code, message));
      assert.equal(failure.kind, 'terminal');
      assert.match(failure.message, messagePattern);
      assert.match(formatHint(failure.hint ?? ''), hintPattern);
    });
  }

  it('is shown as it is if its message is unknown, with the id of the request', async () => {
    const details = [
      { '@type': 'type.googleapis.com/google.rpc.Other', what: 1 },
      { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId: '0e6c-42' },
    ];
    const failure = await captureFailure(
      createStatusResponse(9, 'Account\u0007 is\nfrozen\u202e', 400, details),
    );
    assert.equal(
      failure.message,
      'IAM rejected the request with code 9: Account is frozen (request 0e6c-42)',
    );
  });

  it('is cut after 300 characters', async () => {
    const { message } = await captureFailure(createStatusResponse(9, 'x'.repeat(5_000)));
    assert.equal(message.length, 'IAM rejected the request with code 9: '.length + 300);
  });

  it('is shown without any part of the credential or of a token', async () => {
    const echoes = [
      `bad token ${credential}`,
      `bad token ${credential.slice(0, 20)}…`,
      `${'x'.repeat(290)} ${credential}`,
      credential.split('').join('\u0000'),
      'bad token y0_another-users-0123456789',
      'bad token t1.another.users-canary',
    ];
    for (const code of [9, 14]) {
      for (const echo of echoes) {
        const { message } = await captureFailure(
          createStatusResponse(code, echo, 400, [{ requestId: credential }]),
        );
        assert.doesNotMatch(message, /canary|redential|0123456|another/, echo);
      }
    }
  });
});
