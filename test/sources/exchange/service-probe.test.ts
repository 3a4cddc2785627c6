import assert from 'node:assert/strict';
import { HttpFailure } from '../../../src/shared/http-client.ts';
import { createProbeService } from '../../../src/sources/exchange/service-probe.ts';
import { createScriptedHttp, type ScriptedResponse } from '../../support/iam/scripted-http.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { credentialKinds } from '../../../src/sources/credential-kinds.ts';
import { Secret } from '../../../src/shared/secret.ts';
import { createTestClock } from '../../support/time/test-clock.ts';

const url = 'https://iam.example/iam/v1/tokens';

describe('createProbeService', () => {
  const clock = createTestClock();
  const probe = (response: ScriptedResponse): Promise<string | null> =>
    createProbeService(createScriptedHttp(response), clock)(url);

  it('E5: takes every response for an answer, except those of a server or gateway that fails or is overloaded', async () => {
    for (const status of [200, 302, 400, 403, 404, 405, 501])
      assert.equal(await probe({ status }), `HTTP ${status}`);
    for (const status of [429, 500, 502, 503, 504, 522]) assert.equal(await probe({ status }), null);
    assert.equal(await probe(new HttpFailure('connection refused')), null);
  });

  it('E5: sends no credential, and no body', async () => {
    const http = createScriptedHttp({ status: 404 });
    await createProbeService(http, clock)(url);
    assert.deepEqual(http.requests, [{ method: 'GET', url, headers: { accept: 'application/json' } }]);
  });

  it('E5: gives up after 4 s', async () => {
    const answer = probe('hang');
    clock.advance(4_000);
    assert.equal(await answer, null);
  });

  it('E5: asks a service once for all profiles that ask within 4 s', async () => {
    const http = createScriptedHttp({ status: 404 });
    const probeService = createProbeService(http, clock);
    await Promise.all([probeService(url), probeService(url), probeService('https://other.example/')]);
    clock.advance(3_999);
    await probeService(url);
    assert.equal(http.requests.length, 2);
    clock.advance(1);
    await probeService(url);
    assert.equal(http.requests.length, 3);
  });
});

describe('the probe of each kind of credential', () => {
  it('E5: goes to the service that the credential is exchanged at', async () => {
    const key = JSON.stringify({
      id: 'ajekey00000000000001',
      serviceAccountId: 'ajeaccount0000000001',
      key: 'AAAA',
    });
    const workload = { serviceAccountId: 'aje1', tokenFile: '/t', tokenUrl: 'https://auth.example/oauth' };
    const expected: Readonly<Record<string, readonly [credential: string, url: string | undefined]>> = {
      oauth: ['y0_canary', 'https://iam.example/iam/v1/tokens'],
      'service-account-key': [key, 'https://iam.example/iam/v1/tokens'],
      metadata: [
        '{"url":"http://169.254.169.254"}',
        'http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token',
      ],
      'workload-identity': [JSON.stringify(workload), 'https://auth.example/oauth'],
      yc: ['{"path":"/usr/bin/yc"}', undefined],
    };
    for (const kind of credentialKinds) {
      const probed: string[] = [];
      const tools = createSourceTools({
        probeService: async (probedUrl) => {
          probed.push(probedUrl);
          return null;
        },
      });
      const installation = { endpoint: 'https://iam.example', audience: 'https://iam.example/iam/v1/tokens' };
      const [credential, probedUrl] = expected[kind.name] ?? ['', 'missing in this test'];
      await kind.open(new Secret(credential), installation, tools).probe?.();
      assert.deepEqual(probed, probedUrl === undefined ? [] : [probedUrl], kind.name);
    }
  });
});
