import assert from 'node:assert/strict';
import { formatHint } from '../../../src/shared/hint.ts';
import { HttpFailure } from '../../../src/shared/http-client.ts';
import type { HttpClient } from '../../../src/shared/http-client.ts';
import type { Secret } from '../../../src/shared/secret.ts';
import { metadataKind } from '../../../src/sources/kinds/metadata.ts';
import type { ExchangeFailure, ExchangeOutcome } from '../../../src/token/token-source.ts';
import {
  type ScriptedResponse,
  type ScriptedHttp,
  createScriptedHttp,
} from '../../support/iam/scripted-http.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { createTestClock } from '../../support/time/test-clock.ts';

const nowMs = Date.UTC(2026, 10, 24, 12);
const defaultInstallation = { endpoint: 'https://iam.api.cloud.yandex.net', audience: 'unused' };
const never = new AbortController().signal;

async function exchange(
  http: ScriptedHttp,
  installation = defaultInstallation,
): Promise<ExchangeOutcome<Secret>> {
  const tools = createSourceTools({ http, clock: createTestClock(nowMs) });
  const credential = await metadataKind.createCredential({ settings: {} }, installation, tools);
  return metadataKind.open(credential, installation, tools).exchange(never, false);
}

async function failureOf(scripted: ScriptedResponse): Promise<ExchangeFailure> {
  const outcome = await exchange(createScriptedHttp(scripted));
  return outcome.ok ? assert.fail('a token came') : outcome.failure;
}

const createResponse = (body: object): ScriptedResponse => ({ body: JSON.stringify(body) });

describe('the service account of a VM', () => {
  it('is exchanged at the link-local address of every VM, without a secret', async () => {
    const http = createScriptedHttp(
      createResponse({ access_token: 't1.a.b', expires_in: 39_944, token_type: 'Bearer' }),
    );
    const outcome = await exchange(http);
    assert.ok(outcome.ok);
    assert.equal(outcome.issuedToken.expiresAtMs, nowMs + 39_944_000);
    assert.deepEqual(http.requests, [
      {
        method: 'GET',
        url: 'http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token',
        headers: { 'metadata-flavor': 'Google' },
      },
    ]);
  });

  it('is exchanged at a loopback endpoint, which is the emulator', async () => {
    const http = createScriptedHttp(createResponse({ access_token: 't1.a.b', expires_in: 60 }));
    await exchange(http, { endpoint: 'http://127.0.0.1:8080', audience: 'unused' });
    assert.match(http.requests[0]?.url ?? '', /^http:\/\/127\.0\.0\.1:8080\/computeMetadata\//);
  });

  it('has a token whose lifetime counts from the server time', async () => {
    const headers = new Map([['date', 'Tue, 24 Nov 2026 15:00:00 GMT']]);
    const body = JSON.stringify({ access_token: 't1.a.b', expires_in: 600 });
    const outcome = await exchange(createScriptedHttp({ headers, body }));
    assert.ok(outcome.ok);
    assert.equal(outcome.issuedToken.expiresAtMs, Date.UTC(2026, 10, 24, 15, 10));
    assert.equal(outcome.issuedToken.serverTimeMs, Date.UTC(2026, 10, 24, 15));
  });

  it('has a token whose lifetime counts from the request without a server time, as the machine may have slept since', async () => {
    const clock = createTestClock(nowMs);
    const response = createScriptedHttp(createResponse({ access_token: 't1.a.b', expires_in: 39_944 }));
    const http: HttpClient = {
      async send(request, signal) {
        const answer = await response.send(request, signal);
        clock.jump(2 * 60 * 60_000);
        return answer;
      },
    };
    const tools = createSourceTools({ http, clock });
    const credential = await metadataKind.createCredential({ settings: {} }, defaultInstallation, tools);
    const outcome = await metadataKind.open(credential, defaultInstallation, tools).exchange(never, false);
    assert.ok(outcome.ok);
    assert.equal(outcome.issuedToken.expiresAtMs, nowMs + 39_944_000);
  });

  const onlyOnVmHint = 'this kind of credential works only on a VM of Yandex Cloud';
  it('cannot be reached outside a VM', async () => {
    assert.deepEqual(await failureOf(new HttpFailure('connection to 169.254.169.254 refused')), {
      kind: 'transient',
      message: 'cannot reach the metadata service: connection to 169.254.169.254 refused',
      hint: onlyOnVmHint,
    });
  });

  it('cannot be reached if there is no response in time', async () => {
    const clock = createTestClock(nowMs);
    const tools = createSourceTools({ clock });
    const credential = await metadataKind.createCredential({ settings: {} }, defaultInstallation, tools);
    const outcome = metadataKind.open(credential, defaultInstallation, tools).exchange(never, false);
    clock.advance(8_000);
    assert.deepEqual(await outcome, {
      ok: false,
      failure: {
        kind: 'transient',
        message: 'no response from the metadata service (169.254.169.254) within 8 s',
        hint: onlyOnVmHint,
      },
    });
  });

  it('is retried soon if none is attached, as that is no answer of IAM', async () => {
    const failure = await failureOf({ status: 404, body: 'Not Found' });
    assert.equal(failure.message, 'no service account is attached to this VM');
    assert.match(formatHint(failure.hint ?? ''), /^attach one: yc compute instance update /);
    assert.deepEqual([failure.kind, failure.retryOnSchedule], ['transient', undefined]);
  });

  const rows: readonly (readonly [string, ScriptedResponse, ExchangeFailure['kind'], RegExp])[] = [
    [
      'a web page',
      { status: 200, body: '<html>' },
      'transient',
      /^unexpected response from the metadata service .*: HTTP 200 with a web page/,
    ],
    ['403', { status: 403, body: 'no' }, 'transient', /: HTTP 403 with a body that is not a JSON object$/],
    [
      'no token',
      createResponse({ expires_in: 60 }),
      'transient',
      /^invalid response from the metadata service: no token$/,
    ],
    ['no expires_in', createResponse({ access_token: 't1.a.b' }), 'transient', /: no valid expires_in$/],
    [
      'an expires_in that is a string',
      createResponse({ access_token: 't1.a.b', expires_in: '60' }),
      'transient',
      /: no valid expires_in$/,
    ],
    [
      'an infinite expires_in',
      createResponse({ access_token: 't1.a.b', expires_in: 1e300 }),
      'transient',
      /: no valid expires_in$/,
    ],
    [
      'a lifetime of a year',
      createResponse({ access_token: 't1.a.b', expires_in: 31_536_000 }),
      'transient',
      /too far in the future$/,
    ],
    [
      'an expiry that is now',
      createResponse({ access_token: 't1.a.b', expires_in: 0 }),
      'transient',
      /is in the past$/,
    ],
    [
      'a token with a line break',
      createResponse({ access_token: 't1.\n', expires_in: 60 }),
      'transient',
      /invalid characters$/,
    ],
    [
      'an error of IAM',
      { status: 401, body: '{"code":16,"message":"who?"}' },
      'terminal',
      /^the metadata service rejected/,
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
