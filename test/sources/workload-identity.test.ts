import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemOf } from '../../src/shared/errors.ts';
import type { HttpClient, HttpRequest } from '../../src/shared/http-client.ts';
import type { Installation } from '../../src/sources/credential-kind.ts';
import { workloadIdentityKind } from '../../src/sources/workload-identity.ts';
import type { ExchangeFailure, IamTokenSource } from '../../src/token/ports.ts';
import { oidcToken } from '../support/source-houses.ts';
import { sourceTools } from '../support/source-tools.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testClock } from '../support/test-clock.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const serviceAccountId = 'ajesa00000000000001';
const anywhere = { endpoint: 'https://iam.api.cloud.yandex.net', audience: 'unused' };
const never = new AbortController().signal;
const good = '{"access_token":"t1.a.b","token_type":"Bearer","expires_in":43200}';

describe('a workload identity', () => {
  const folder = temporaryFolder();
  const tokenFile = (): string => join(folder(), 'token');
  let asked: HttpRequest[];
  let answers: ((request: HttpRequest) => { readonly status?: number; readonly body: string })[];
  const http: HttpClient = {
    async send(request) {
      asked.push(request);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      return { status: 200, headers: new Map(), body: '', ...answer?.(request) };
    },
  };
  const tools = sourceTools({ http, clock: testClock(nowMs) });

  beforeEach(() => {
    asked = [];
    answers = [() => ({ body: good })];
    writeFileSync(tokenFile(), oidcToken());
  });

  async function source(installation: Installation = anywhere, tokenUrl?: string): Promise<IamTokenSource> {
    const settings = {
      serviceAccountId,
      tokenFile: tokenFile(),
      ...(tokenUrl === undefined ? {} : { tokenUrl }),
    };
    const credential = await workloadIdentityKind.accept({ settings }, installation, tools);
    return workloadIdentityKind.open(credential, installation, tools);
  }

  async function failureOf(of: IamTokenSource): Promise<ExchangeFailure> {
    const outcome = await of.exchange(never, false);
    assert.ok(!outcome.ok);
    assert.doesNotMatch(outcome.failure.message, /eyJ/);
    return outcome.failure;
  }

  it('is exchanged as RFC 8693 and the documentation say', async () => {
    const outcome = await (await source()).exchange(never, false);
    assert.ok(outcome.ok);
    assert.equal(outcome.exchanged.expiresAtMs, nowMs + 43_200_000);
    const [request] = asked;
    assert.equal(request?.method, 'POST');
    assert.equal(request.url, 'https://auth.yandex.cloud/oauth/token');
    assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body)), {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: serviceAccountId,
      subject_token: oidcToken(),
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    });
  });

  it('is exchanged where its installation does that', async () => {
    const url = async (endpoint: string, tokenUrl?: string): Promise<string | undefined> => {
      await (await source({ endpoint, audience: 'unused' }, tokenUrl)).exchange(never, false);
      return asked.at(-1)?.url;
    };
    assert.equal(await url('http://127.0.0.1:80'), 'http://127.0.0.1:80/oauth/token');
    assert.equal(await url('https://iam.test', 'https://auth.test/token'), 'https://auth.test/token');
    await assert.rejects(url('https://iam.test'), (thrown) => {
      assert.match(problemOf(thrown).message, /^it is not known where tokens are exchanged in .*iam\.test/);
      return true;
    });
  });

  it('reads the file anew for each exchange', async () => {
    const of = await source();
    const renewed = oidcToken({ exp: nowMs / 1_000 + 7_200 });
    await of.exchange(never, false);
    writeFileSync(tokenFile(), renewed);
    await of.exchange(never, false);
    const sent = asked.map(({ body }) => new URLSearchParams(body).get('subject_token'));
    assert.deepEqual(sent, [oidcToken(), renewed]);
  });

  it('asks nobody while the file is missing or its token has expired, and looks again', async () => {
    const of = await source();
    rmSync(tokenFile());
    const missing = await failureOf(of);
    writeFileSync(tokenFile(), oidcToken({ exp: nowMs / 1_000 - 1 }));
    const expired = await failureOf(of);
    assert.deepEqual(
      [missing, expired].map(({ kind, message }) => [kind, message.replace(folder(), '')]),
      [
        ['transient', 'the token file /token is not there'],
        ['transient', 'the token in /token has expired, and nobody has put a new one there'],
      ],
    );
    assert.equal(asked.length, 0);
    writeFileSync(tokenFile(), oidcToken());
    assert.ok((await of.exchange(never, false)).ok);
  });

  const refusal = {
    status: 400,
    body: '{"error":"invalid_grant","error_description":"the token has expired"}',
  };

  it('tries a token at once that was renewed while the old one was refused', async () => {
    const of = await source();
    answers = [
      () => {
        writeFileSync(tokenFile(), oidcToken({ exp: nowMs / 1_000 + 7_200 }));
        return refusal;
      },
      () => ({ body: good }),
    ];
    assert.ok((await of.exchange(never, false)).ok);
    assert.equal(asked.length, 2);
  });

  it('believes a refusal of a token that is still there, until others may have set it right', async () => {
    const of = await source();
    answers = [() => refusal];
    const { kind, message, hint = '', mayHeal } = await failureOf(of);
    assert.equal(asked.length, 1);
    assert.deepEqual([kind, mayHeal], ['terminal', true]);
    assert.equal(
      message,
      'the token exchange of Yandex Cloud refused with invalid_grant: the token has expired',
    );
    assert.match(hint, /issuer, audience and subject$/);
  });

  const rows: readonly (readonly [
    string,
    { status: number; body: string },
    ExchangeFailure['kind'],
    RegExp,
  ])[] = [
    [
      'a refusal that quotes the token',
      echo(),
      'terminal',
      /refused with invalid_request: bad \[redacted\]$/,
    ],
    [
      'a refusal without words',
      { status: 401, body: '{"error":"invalid_client"}' },
      'terminal',
      /with invalid_client$/,
    ],
    [
      'trouble of its own',
      { status: 503, body: '{"error":"temporarily_unavailable"}' },
      'transient',
      /answered 503/,
    ],
    [
      'an error of IAM',
      { status: 401, body: '{"code":16,"message":"who?"}' },
      'terminal',
      /refused with code 16: who\?$/,
    ],
    ['a web page', { status: 403, body: '<html>' }, 'transient', /answered 403 with a web page/],
    ['no token', { status: 200, body: '{"expires_in":60}' }, 'transient', /answer holds no token$/],
    [
      'an error that is no word',
      { status: 400, body: '{"error":{"x":1}}' },
      'transient',
      /no error of its own$/,
    ],
  ];
  for (const [name, answer, kind, message] of rows) {
    it(`sorts ${name}`, async () => {
      answers = [() => answer];
      const failure = await failureOf(await source());
      assert.equal(failure.kind, kind);
      assert.match(failure.message, message);
    });
  }

  function echo(): { status: number; body: string } {
    const error_description = `bad ${oidcToken()}`;
    return { status: 400, body: JSON.stringify({ error: 'invalid_request', error_description }) };
  }
});
