import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { createMetricsServer } from '../../src/http/servers.ts';
import type { RetryingHttpServer } from '../../src/http/retry-listening.ts';
import { listenOnLoopback } from '../support/network/loopback.ts';
import { createFakeLog } from '../support/fake-log.ts';
import { type RawResponse, sendRawRequest } from '../support/network/raw-http.ts';
import { formatGet, ScriptedHandler, startMs, tokenPath } from '../support/network/scripted-handler.ts';
import { createTestClock, type TestClock } from '../support/time/test-clock.ts';

describe('metrics server', () => {
  let handler: ScriptedHandler;
  let server: RetryingHttpServer;
  let clock: TestClock;

  async function start(listenOn = { host: '127.0.0.1', port: 0 }): Promise<void> {
    handler = new ScriptedHandler();
    clock = createTestClock(startMs);
    server = await createMetricsServer({
      handleRequest: handler.handle,
      clock,
      log: createFakeLog(),
      listenOn,
      renderMetrics: async ({ profiles }) => `profiles ${profiles.length}\n`,
    });
    await server.listen();
  }
  afterEach(() => server.close());

  function send(request: string): Promise<RawResponse> {
    const port = Number(server.address()?.replace(/.*:/, ''));
    return sendRawRequest({ port, host: '127.0.0.1' }, request);
  }
  const sendGet = (path: string, ...headers: readonly string[]): Promise<RawResponse> =>
    send(formatGet(path, ['Host: any.example', ...headers]));

  it('19.3: serves the metrics of all profiles in the text format, for any Host', async () => {
    await start();
    const { status, headers, body } = await sendGet('/metrics?collect[]=all');
    assert.deepEqual([status, body], [200, 'profiles 2\n']);
    assert.match(headers, /^content-type: text\/plain; version=0\.0\.4; charset=utf-8\r$/m);
    assert.deepEqual(handler.requests, [
      { method: 'status', metrics: true },
      { method: 'status', after: 'a', metrics: true },
    ]);
  });

  it('19.3: renders the text once a second, however often it is scraped', async () => {
    await start();
    await Promise.all([sendGet('/metrics'), sendGet('/metrics'), sendGet('/metrics')]);
    assert.equal(handler.requests.length, 2, 'one for each page');
    clock.advance(999);
    await sendGet('/metrics');
    assert.equal(handler.requests.length, 2);
    clock.advance(1);
    await sendGet('/metrics');
    assert.equal(handler.requests.length, 4);
  });

  it('19.3: listens at any address that the configuration names', async () => {
    await start({ host: '0.0.0.0', port: 0 });
    assert.match(server.address() ?? '', /^0\.0\.0\.0:\d+$/);
    assert.equal((await sendGet('/healthz')).status, 200);
  });

  it('19.3: serves /healthz and /readyz, and gives a problem by its code only', async () => {
    await start();
    assert.equal((await sendGet('/healthz')).status, 200);
    const { status, body } = await sendGet('/readyz');
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(body), { error: { code: 'unavailable', message: 'no valid token' } });
  });

  it('19.3: serves no token, whatever the path', async () => {
    await start();
    for (const path of [
      '/v1/token',
      '/v1/status',
      tokenPath,
      '/',
      '/metrics/',
      '/metrics/../v1/token',
      '//metrics',
    ]) {
      const { status } = await sendGet(path, 'Metadata-Flavor: Google');
      assert.equal(status, 404, path);
    }
    assert.deepEqual(handler.requests, []);
  });

  it('does not look like a metadata service', async () => {
    await start();
    assert.doesNotMatch((await sendGet('/metrics')).headers, /metadata-flavor/i);
  });

  it('19.3: refuses the headers of a browser', async () => {
    await start();
    for (const header of [
      'Origin: http://page.example',
      'Referer: http://page.example/',
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Dest: image',
    ]) {
      assert.equal((await sendGet('/metrics', header)).status, 403, header);
    }
    assert.deepEqual(handler.requests, []);
  });

  it('19.3: accepts GET only', async () => {
    await start();
    for (const method of ['POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE']) {
      const { status, headers } = await send(`${method} /metrics HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.equal(status, 405, method);
      assert.match(headers, /^allow: GET\r$/m);
    }
  });

  it('does not stop the daemon if its address is in use', async () => {
    const other = createServer();
    const port = await listenOnLoopback(other);
    await start({ host: '127.0.0.1', port });
    assert.match(
      server.problem()?.message ?? '',
      /^metrics\.listen: cannot listen on 127\.0\.0\.1:\d+: the address is in use/,
    );
    other.close();
  });
});
