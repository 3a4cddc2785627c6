import assert from 'node:assert/strict';
import { HttpFailure } from '../../src/shared/http-client.ts';
import { metadataKind } from '../../src/sources/metadata.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../src/token/ports.ts';
import { type Scripted, type ScriptedHttp, scriptedHttp } from '../support/scripted-http.ts';
import { sourceTools } from '../support/source-tools.ts';
import { testClock } from '../support/test-clock.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const anywhere = { endpoint: 'https://iam.api.cloud.yandex.net', audience: 'unused' };
const never = new AbortController().signal;

async function exchange(http: ScriptedHttp, installation = anywhere): Promise<ExchangeOutcome> {
  const tools = sourceTools({ http, clock: testClock(nowMs) });
  const credential = await metadataKind.accept({ settings: {} }, installation, tools);
  return metadataKind.open(credential, installation, tools).exchange(never, false);
}

async function failureOf(scripted: Scripted): Promise<ExchangeFailure> {
  const outcome = await exchange(scriptedHttp(scripted));
  return outcome.ok ? assert.fail('a token came') : outcome.failure;
}

const answer = (body: object): Scripted => ({ body: JSON.stringify(body) });

describe('the service account of a VM', () => {
  it('is asked for at the address that every VM has, without a credential', async () => {
    const http = scriptedHttp(answer({ access_token: 't1.a.b', expires_in: 39_944, token_type: 'Bearer' }));
    const outcome = await exchange(http);
    assert.ok(outcome.ok);
    assert.equal(outcome.exchanged.expiresAtMs, nowMs + 39_944_000);
    assert.deepEqual(http.asked, [
      {
        method: 'GET',
        url: 'http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token',
        headers: { 'metadata-flavor': 'Google' },
      },
    ]);
  });

  it('is asked for at the emulator, where that stands for the whole installation', async () => {
    const http = scriptedHttp(answer({ access_token: 't1.a.b', expires_in: 60 }));
    await exchange(http, { endpoint: 'http://127.0.0.1:8080', audience: 'unused' });
    assert.match(http.asked[0]?.url ?? '', /^http:\/\/127\.0\.0\.1:8080\/computeMetadata\//);
  });

  it('has a token whose life counts from the clock of the service', async () => {
    const headers = new Map([['date', 'Tue, 24 Nov 2026 15:00:00 GMT']]);
    const body = JSON.stringify({ access_token: 't1.a.b', expires_in: 600 });
    const outcome = await exchange(scriptedHttp({ headers, body }));
    assert.ok(outcome.ok);
    assert.equal(outcome.exchanged.expiresAtMs, Date.UTC(2026, 10, 24, 15, 10));
    assert.equal(outcome.exchanged.serverTimeMs, Date.UTC(2026, 10, 24, 15));
  });

  const onVm = 'this kind of credential works on a VM of Yandex Cloud, and nowhere else';
  it('is missing where nothing answers', async () => {
    assert.deepEqual(await failureOf(new HttpFailure('the connection to 169.254.169.254 was refused')), {
      kind: 'transient',
      message: 'the metadata service cannot be reached: the connection to 169.254.169.254 was refused',
      hint: onVm,
    });
  });

  it('is missing where the answer takes too long', async () => {
    const clock = testClock(nowMs);
    const tools = sourceTools({ clock });
    const credential = await metadataKind.accept({ settings: {} }, anywhere, tools);
    const outcome = metadataKind.open(credential, anywhere, tools).exchange(never, false);
    clock.advance(8_000);
    assert.deepEqual(await outcome, {
      ok: false,
      failure: {
        kind: 'transient',
        message: 'the metadata service did not answer within 8 s',
        hint: onVm,
      },
    });
  });

  it('is missing where none is attached, which somebody may do at any time', async () => {
    const failure = await failureOf({ status: 404, body: 'Not Found' });
    assert.equal(failure.message, 'no service account is attached to this VM');
    assert.match(failure.hint ?? '', /^attach one: yc compute instance update /);
    assert.deepEqual([failure.kind, failure.mayHeal], ['terminal', true]);
  });

  const rows: readonly (readonly [string, Scripted, ExchangeFailure['kind'], RegExp])[] = [
    [
      'a web page',
      { status: 200, body: '<html>' },
      'transient',
      /^the metadata service answered 200 with a web page/,
    ],
    ['403', { status: 403, body: 'no' }, 'transient', /^the metadata service answered 403 with something/],
    ['no token', answer({ expires_in: 60 }), 'transient', /^the metadata service's answer holds no token$/],
    ['no life', answer({ access_token: 't1.a.b' }), 'transient', /does not say how long the token lives$/],
    [
      'a life of words',
      answer({ access_token: 't1.a.b', expires_in: '60' }),
      'transient',
      /how long the token lives$/,
    ],
    ['an endless life', answer({ access_token: 't1.a.b', expires_in: 1e300 }), 'transient', /how long/],
    [
      'a year',
      answer({ access_token: 't1.a.b', expires_in: 31_536_000 }),
      'transient',
      /longer than any token/,
    ],
    [
      'no time left',
      answer({ access_token: 't1.a.b', expires_in: 0 }),
      'transient',
      /gave a token that expired/,
    ],
    [
      'a line break',
      answer({ access_token: 't1.\n', expires_in: 60 }),
      'transient',
      /characters that no token has$/,
    ],
    [
      'a refusal',
      { status: 401, body: '{"code":16,"message":"who?"}' },
      'terminal',
      /^the metadata service refused/,
    ],
  ];
  for (const [name, scripted, kind, message] of rows) {
    it(`fails with ${name}`, async () => {
      const failure = await failureOf(scripted);
      assert.equal(failure.kind, kind);
      assert.match(failure.message, message);
    });
  }
});
