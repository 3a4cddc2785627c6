import assert from 'node:assert/strict';
import { problemOf } from '../../../src/shared/errors.ts';
import type { Secret } from '../../../src/shared/secret.ts';
import { oauthKind } from '../../../src/sources/kinds/oauth.ts';
import { createScriptedHttp } from '../../support/iam/scripted-http.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';

const installation = { endpoint: 'https://iam.test', audience: 'unused' };
const createCredential = (secret: string): Promise<Secret> =>
  oauthKind.createCredential({ secret, settings: {} }, installation, createSourceTools());

describe('an OAuth token', () => {
  for (const input of [
    'y0_token',
    'AQAA-token',
    'y0_token\n',
    'y0_token\r\n',
    'x'.repeat(4_000),
    `${'x'.repeat(4_000)}\n`,
  ]) {
    it(`is accepted: ${JSON.stringify(input.slice(0, 12))}, ${input.length} characters`, async () => {
      assert.equal((await createCredential(input)).expose(), input.trimEnd());
    });
  }

  for (const [input, token] of [
    ['"y0_token"', 'y0_token'],
    ["'y0_token'\n", 'y0_token'],
    ['"y0_token', '"y0_token'],
    [`"y0_token'`, `"y0_token'`],
  ] as const)
    it(`18.7: loses a pair of quotes around it: ${JSON.stringify(input)}`, async () => {
      assert.equal((await createCredential(input)).expose(), token);
    });

  const invalidCharacters = 'the OAuth token contains spaces, line breaks or control characters';
  const rejectedInputs: readonly (readonly [string, string])[] = [
    ['', 'the OAuth token is empty'],
    ['\n', 'the OAuth token is empty'],
    ['""', 'the OAuth token is empty'],
    ['" canary"', invalidCharacters],
    ['canary token', invalidCharacters],
    [' canary', invalidCharacters],
    ['canary ', invalidCharacters],
    ['canary\ntoken', invalidCharacters],
    ['canary\n\n', invalidCharacters],
    ['canary\r', invalidCharacters],
    ['canary\ttoken', invalidCharacters],
    ['canary\u0000', invalidCharacters],
    ['canary\u007f', invalidCharacters],
    ['canary\u00a0', invalidCharacters],
    ['canary\u200b', invalidCharacters],
    ['\ufeffcanary', invalidCharacters],
    ['canary'.repeat(700), 'the OAuth token is longer than 4,000 characters'],
    ['t1.canary.canary', 'expected an OAuth token, got an IAM token'],
  ];
  for (const [input, message] of rejectedInputs) {
    it(`is rejected: ${JSON.stringify(input.slice(0, 20))}, ${input.length} characters`, () =>
      assert.rejects(createCredential(input), (error) => {
        const problem = problemOf(error);
        assert.equal(problem.code, 'bad_request');
        assert.equal(problem.message, message);
        assert.doesNotMatch(JSON.stringify(problem), /canary/);
        return true;
      }));
  }

  it('is exchanged at its installation', async () => {
    const http = createScriptedHttp({ body: '{"iamToken":"t1.a.b","expiresAt":"2026-11-24T20:00:00Z"}' });
    const source = oauthKind.open(
      await createCredential('y0_token\n'),
      installation,
      createSourceTools({ http }),
    );
    const outcome = await source.exchange(new AbortController().signal, false);
    assert.ok(outcome.ok && outcome.issuedToken.value.expose() === 't1.a.b');
    assert.deepEqual(
      http.requests.map(({ url, body }) => [url, body]),
      [['https://iam.test/iam/v1/tokens', '{"yandexPassportOauthToken":"y0_token"}']],
    );
  });
});
