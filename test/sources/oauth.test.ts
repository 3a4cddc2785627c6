import assert from 'node:assert/strict';
import { problemOf } from '../../src/shared/errors.ts';
import type { Secret } from '../../src/shared/secret.ts';
import { oauthKind } from '../../src/sources/oauth.ts';
import { scriptedHttp } from '../support/scripted-http.ts';
import { sourceTools } from '../support/source-tools.ts';

const installation = { endpoint: 'https://iam.test', audience: 'unused' };
const accept = (secret: string): Promise<Secret> =>
  oauthKind.accept({ secret, settings: {} }, installation, sourceTools());

describe('an OAuth token', () => {
  for (const given of [
    'y0_token',
    'AQAA-token',
    'y0_token\n',
    'y0_token\r\n',
    'x'.repeat(4_000),
    `${'x'.repeat(4_000)}\n`,
  ]) {
    it(`is taken: ${JSON.stringify(given.slice(0, 12))}, ${given.length} characters`, async () => {
      assert.equal((await accept(given)).expose(), given.trimEnd());
    });
  }

  const spaces = 'the OAuth token has spaces, line breaks or control characters in it';
  const refused: readonly (readonly [string, string])[] = [
    ['', 'the OAuth token is empty'],
    ['\n', 'the OAuth token is empty'],
    ['canary token', spaces],
    [' canary', spaces],
    ['canary ', spaces],
    ['canary\ntoken', spaces],
    ['canary\n\n', spaces],
    ['canary\r', spaces],
    ['canary\ttoken', spaces],
    ['canary\u0000', spaces],
    ['canary\u007f', spaces],
    ['canary\u00a0', spaces],
    ['canary\u200b', spaces],
    ['\ufeffcanary', spaces],
    ['canary'.repeat(700), 'the OAuth token has more than 4,000 characters'],
    ['t1.canary.canary', 'this is an IAM token, and an OAuth token is needed'],
  ];
  for (const [given, message] of refused) {
    it(`is refused: ${JSON.stringify(given.slice(0, 20))}, ${given.length} characters`, () =>
      assert.rejects(accept(given), (thrown) => {
        const problem = problemOf(thrown);
        assert.equal(problem.code, 'bad_request');
        assert.equal(problem.message, message);
        assert.doesNotMatch(JSON.stringify(problem), /canary/);
        return true;
      }));
  }

  it('is exchanged where it belongs', async () => {
    const http = scriptedHttp({ body: '{"iamToken":"t1.a.b","expiresAt":"2026-11-24T20:00:00Z"}' });
    const source = oauthKind.open(await accept('y0_token\n'), installation, sourceTools({ http }));
    const outcome = await source.exchange(new AbortController().signal, false);
    assert.ok(outcome.ok && outcome.exchanged.token.expose() === 't1.a.b');
    assert.deepEqual(
      http.asked.map(({ url, body }) => [url, body]),
      [['https://iam.test/iam/v1/tokens', '{"yandexPassportOauthToken":"y0_token"}']],
    );
  });
});
