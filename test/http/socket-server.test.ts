import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HttpServer } from '../../src/http/http-server.ts';
import { createSocketServer } from '../../src/http/servers.ts';
import { createFakeLog } from '../support/fake-log.ts';
import { type RawResponse, sendRawRequest } from '../support/network/raw-http.ts';
import {
  expiresAt,
  formatGet,
  ScriptedHandler,
  startMs,
  tokenPath,
} from '../support/network/scripted-handler.ts';
import { createTestClock } from '../support/time/test-clock.ts';

describe('http.sock server', () => {
  let folder: string;
  let handler: ScriptedHandler;
  let server: HttpServer;

  beforeEach(async () => {
    handler = new ScriptedHandler();
    folder = mkdtempSync(join(tmpdir(), 'http-'));
    server = await createSocketServer(
      {
        handleRequest: handler.handle,
        clock: createTestClock(startMs),
        log: createFakeLog(),
        renderMetrics: async ({ profiles }) => `${profiles.length} profiles\n`,
      },
      join(folder, 'http.sock'),
    );
    await server.listen();
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  function sendGet(path: string, ...headers: readonly string[]): Promise<RawResponse> {
    return sendRawRequest(
      { path: join(folder, 'http.sock') },
      formatGet(path, ['Host: localhost', ...headers]),
    );
  }

  it('returns the token of a profile, with the minimum lifetime of the query', async () => {
    const { status, body } = await sendGet('/v1/token?profile=w%C3%B6rk+1&minTtl=10m');
    assert.deepEqual(
      [status, JSON.parse(body)],
      [200, { token: 't1.abc', expiresAt, profile: 'b', subject: null }],
    );
    assert.deepEqual(handler.requests, [{ method: 'token', profile: 'wörk 1', minTtlMs: 600_000 }]);
  });

  for (const query of [
    'minTtl=soon',
    'minTtl=',
    'minTtl=-1s',
    'minTtl=13h',
    'minTtl=1h&minTtl=1h',
    'min_ttl=1h',
    'profile=',
    'profile=a%2Fb',
    'profile=a%00',
    `profile=${'a'.repeat(65)}`,
    'profile=a&profile=b',
    '__proto__=a',
  ]) {
    it(`rejects ?${query.slice(0, 30)}`, async () => {
      const { status, body } = await sendGet(`/v1/token?${query}`);
      assert.equal(status, 400);
      assert.match(body, /"code":"bad_request"/);
      assert.deepEqual(handler.requests, []);
    });
  }

  it('accepts a profile name that looks like an option', async () => {
    await sendGet('/v1/token?profile=--help');
    assert.deepEqual(handler.requests, [{ method: 'token', profile: '--help' }]);
  });

  it('returns the status of all profiles, merged from all pages', async () => {
    const { body } = await sendGet('/v1/status');
    const { daemon, profiles } = JSON.parse(body) as { daemon: object; profiles: { profile: string }[] };
    assert.deepEqual(daemon, { version: '1' });
    assert.deepEqual(
      profiles.map(({ profile }) => profile),
      ['a', 'b'],
    );
  });

  it('answers /healthz while the daemon responds', async () => {
    assert.equal((await sendGet('/healthz')).status, 200);
    assert.deepEqual(handler.requests, [{ method: 'hello' }]);
  });

  it('19.3: serves the metrics', async () => {
    const { status, headers, body } = await sendGet('/metrics');
    assert.deepEqual([status, body], [200, '2 profiles\n']);
    assert.match(headers, /^content-type: text\/plain; version=0\.0\.4; charset=utf-8\r$/m);
  });

  it('serves the paths of the metadata server to requests with its header', async () => {
    assert.equal((await sendGet(tokenPath, 'Metadata-Flavor: Google')).status, 200);
    assert.equal((await sendGet(tokenPath)).status, 403);
  });

  for (const header of [
    'Origin: http://page.example',
    'Sec-Fetch-Site: same-origin',
    'X-Forwarded-For: 10.0.0.1',
  ]) {
    it(`rejects a request with ${header}`, async () => {
      assert.equal((await sendGet('/v1/token', header)).status, 403);
      assert.deepEqual(handler.requests, []);
    });
  }
});
