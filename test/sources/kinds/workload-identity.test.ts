import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemOf } from '../../../src/shared/errors.ts';
import { formatHint } from '../../../src/shared/hint.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../../src/shared/http-client.ts';
import type { Installation } from '../../../src/sources/credential-kind.ts';
import { workloadIdentityKind } from '../../../src/sources/kinds/workload-identity.ts';
import type { ExchangeFailure, IamTokenSource } from '../../../src/token/token-source.ts';
import { createOidcToken } from '../../support/iam/source-fixtures.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { createTestClock } from '../../support/time/test-clock.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const serviceAccountId = 'ajesa00000000000001';
const defaultInstallation = { endpoint: 'https://iam.api.cloud.yandex.net', audience: 'unused' };
const never = new AbortController().signal;
const successBody = '{"access_token":"t1.a.b","token_type":"Bearer","expires_in":43200}';

describe('a workload identity', () => {
  const folder = useTemporaryFolder();
  const tokenFile = (): string => join(folder(), 'token');
  let requests: HttpRequest[];
  let responses: ((request: HttpRequest) => Partial<HttpResponse> & Pick<HttpResponse, 'body'>)[];
  const http: HttpClient = {
    async send(request) {
      requests.push(request);
      const respond = responses.length > 1 ? responses.shift() : responses[0];
      return { status: 200, headers: new Map(), body: '', ...respond?.(request) };
    },
  };
  const tools = createSourceTools({ http, clock: createTestClock(nowMs) });

  beforeEach(() => {
    requests = [];
    responses = [() => ({ body: successBody })];
    writeFileSync(tokenFile(), createOidcToken());
  });

  async function openSource(
    installation: Installation = defaultInstallation,
    tokenUrl?: string,
  ): Promise<IamTokenSource> {
    const settings = {
      serviceAccountId,
      tokenFile: tokenFile(),
      ...(tokenUrl === undefined ? {} : { tokenUrl }),
    };
    const credential = await workloadIdentityKind.createCredential({ settings }, installation, tools);
    return workloadIdentityKind.open(credential, installation, tools);
  }

  async function failureOf(tokenSource: IamTokenSource): Promise<ExchangeFailure> {
    const outcome = await tokenSource.exchange(never, false);
    assert.ok(!outcome.ok);
    assert.doesNotMatch(outcome.failure.message, /eyJ/);
    return outcome.failure;
  }

  it('is exchanged with the request of RFC 8693 and the documentation', async () => {
    const outcome = await (await openSource()).exchange(never, false);
    assert.ok(outcome.ok);
    assert.equal(outcome.issuedToken.expiresAtMs, nowMs + 43_200_000);
    const [request] = requests;
    assert.equal(request?.method, 'POST');
    assert.equal(request.url, 'https://auth.yandex.cloud/oauth/token');
    assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body)), {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: serviceAccountId,
      subject_token: createOidcToken(),
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    });
  });

  it('is exchanged at the token URL of its installation', async () => {
    const requestedUrl = async (endpoint: string, tokenUrl?: string): Promise<string | undefined> => {
      await (await openSource({ endpoint, audience: 'unused' }, tokenUrl)).exchange(never, false);
      return requests.at(-1)?.url;
    };
    assert.equal(await requestedUrl('http://127.0.0.1:80'), 'http://127.0.0.1:80/oauth/token');
    assert.equal(
      await requestedUrl('https://iam.test', 'https://auth.test/token'),
      'https://auth.test/token',
    );
    await assert.rejects(requestedUrl('https://iam.test'), (error) => {
      assert.match(problemOf(error).message, /^no token URL is known for https:\/\/iam\.test$/);
      return true;
    });
  });

  it('quotes an endpoint without a token URL for a shell', async () => {
    const endpoint = 'https://iam.test/$(id);a&b';
    await assert.rejects(openSource({ endpoint, audience: 'unused' }), (error) => {
      const hint = formatHint(problemOf(error).hint ?? '', { kind: 'workload-identity' });
      assert.match(hint, / --endpoint='https:\/\/iam\.test\/\$\(id\);a&b' --token-url URL$/);
      return true;
    });
  });

  it('reads the file for each exchange', async () => {
    const tokenSource = await openSource();
    const renewedToken = createOidcToken({ exp: nowMs / 1_000 + 7_200 });
    await tokenSource.exchange(never, false);
    writeFileSync(tokenFile(), renewedToken);
    await tokenSource.exchange(never, false);
    const sentTokens = requests.map(({ body }) => new URLSearchParams(body).get('subject_token'));
    assert.deepEqual(sentTokens, [createOidcToken(), renewedToken]);
  });

  it('A10: is exchanged although the local clock says that its token has expired', async () => {
    writeFileSync(tokenFile(), createOidcToken({ exp: nowMs / 1_000 - 7_200 }));
    assert.ok((await (await openSource()).exchange(never, false)).ok);
    assert.equal(requests.length, 1);
  });

  it('sends no request while the file is missing', async () => {
    const tokenSource = await openSource();
    rmSync(tokenFile());
    const { kind, message } = await failureOf(tokenSource);
    assert.deepEqual(
      [kind, message.replace(folder(), '')],
      ['transient', 'the token file /token does not exist'],
    );
    assert.equal(requests.length, 0);
    writeFileSync(tokenFile(), createOidcToken());
    assert.ok((await tokenSource.exchange(never, false)).ok);
  });

  const rejection = {
    status: 400,
    body: '{"error":"invalid_grant","error_description":"the token has expired"}',
  };

  it('retries at once if the token was renewed while the old one was rejected', async () => {
    const tokenSource = await openSource();
    responses = [
      () => {
        writeFileSync(tokenFile(), createOidcToken({ exp: nowMs / 1_000 + 7_200 }));
        return rejection;
      },
      () => ({ body: successBody }),
    ];
    assert.ok((await tokenSource.exchange(never, false)).ok);
    assert.equal(requests.length, 2);
  });

  it('is retried on schedule after a rejection of a token that is still in the file', async () => {
    const tokenSource = await openSource();
    responses = [() => rejection];
    const { kind, message, hint = '', retryOnSchedule } = await failureOf(tokenSource);
    assert.equal(requests.length, 1);
    assert.deepEqual([kind, retryOnSchedule], ['terminal', true]);
    assert.equal(
      message,
      'the token exchange of Yandex Cloud rejected the request with invalid_grant: the token has expired',
    );
    assert.match(formatHint(hint), /issuer, audience and subject$/);
  });

  for (const [description, exp, date, expected] of [
    ["the service's clock", nowMs / 1_000 + 60, new Date(nowMs + 60_000), /^the token in .* expired at /],
    ['the local clock', nowMs / 1_000 - 60, null, /^by this machine's clock, the token in .* expired at /],
  ] as const) {
    it(`A10: explains the rejection of a token that has expired by ${description}`, async () => {
      writeFileSync(tokenFile(), createOidcToken({ exp }));
      const tokenSource = await openSource();
      const headers = new Map(date === null ? [] : [['date', date.toUTCString()]]);
      responses = [() => ({ ...rejection, headers })];
      const { kind, message, hint = '', retryOnSchedule } = await failureOf(tokenSource);
      assert.deepEqual([kind, retryOnSchedule], ['transient', undefined]);
      assert.match(message, /rejected the request with invalid_grant: the token has expired$/);
      assert.match(formatHint(hint), expected);
      assert.match(formatHint(hint), /Z; check the program that renews this file$/);
    });
  }

  it('A10: does not blame the expiry of a token that is valid by the clock of the service', async () => {
    writeFileSync(tokenFile(), createOidcToken({ exp: nowMs / 1_000 - 7_200 }));
    const tokenSource = await openSource();
    const date = new Date(nowMs - 2 * 3_600_000 - 60_000).toUTCString();
    responses = [() => ({ ...rejection, headers: new Map([['date', date]]) })];
    const { kind, hint = '' } = await failureOf(tokenSource);
    assert.equal(kind, 'terminal');
    assert.match(formatHint(hint), /issuer, audience and subject$/);
  });

  const rows: readonly (readonly [
    string,
    { status: number; body: string },
    ExchangeFailure['kind'],
    RegExp,
  ])[] = [
    [
      'an OAuth error that quotes the token',
      echo(),
      'terminal',
      /rejected the request with invalid_request: bad \[redacted\]$/,
    ],
    [
      'an OAuth error without a description',
      { status: 401, body: '{"error":"invalid_client"}' },
      'terminal',
      /with invalid_client$/,
    ],
    [
      'a temporary OAuth error',
      { status: 503, body: '{"error":"temporarily_unavailable"}' },
      'transient',
      /returned HTTP 503/,
    ],
    [
      'an error of IAM',
      { status: 401, body: '{"code":16,"message":"who?"}' },
      'terminal',
      /rejected the request with code 16: who\?$/,
    ],
    ['a web page', { status: 403, body: '<html>' }, 'transient', /HTTP 403 with a web page/],
    ['no token', { status: 200, body: '{"expires_in":60}' }, 'transient', /: no token$/],
    [
      'an error that is not a string',
      { status: 400, body: '{"error":{"x":1}}' },
      'transient',
      /not in its error format$/,
    ],
  ];
  for (const [name, answer, kind, message] of rows) {
    it(`classifies ${name}`, async () => {
      responses = [() => answer];
      const failure = await failureOf(await openSource());
      assert.equal(failure.kind, kind);
      assert.match(failure.message, message);
    });
  }

  function echo(): { status: number; body: string } {
    const error_description = `bad ${createOidcToken()}`;
    return { status: 400, body: JSON.stringify({ error: 'invalid_request', error_description }) };
  }

  it('D1: refuses a token file below /proc, which the daemon would read as itself', async () => {
    for (const path of ['/proc/self/environ', `/proc/${process.pid}/root${tokenFile()}`, '/dev/stdin']) {
      const settings = { serviceAccountId, tokenFile: path };
      await assert.rejects(
        workloadIdentityKind.createCredential({ settings }, defaultInstallation, tools),
        (error) => problemOf(error).code === 'forbidden',
      );
    }
  });
});
