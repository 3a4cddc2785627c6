import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import {
  directOptions,
  expectFailure,
  get,
  neverAborted,
} from '../../support/network/http-client-fixture.ts';
import { closeServer } from '../../support/network/loopback.ts';
import { type SilentServer, startSilentServer } from '../../support/network/silent-server.ts';

const silentHost = '127.0.0.2';
const emptyHost = '127.0.0.3';
const liveHost = '127.0.0.1';

describe('a name with several addresses', () => {
  const systemLookup = dns.lookup;
  let silentServer: SilentServer;
  const servers: Server[] = [];
  beforeEach(async () => (silentServer = await startSilentServer(silentHost)));
  afterEach(async () => {
    dns.lookup = systemLookup;
    await silentServer.close();
    await Promise.all(servers.splice(0).map(closeServer));
  });

  /** Any name resolves to these addresses. */
  function resolveTo(...addresses: readonly string[]): void {
    const entries = addresses.map((address) => ({ address, family: 4 }));
    dns.lookup = ((_host: string, _options: unknown, callback: (error: null, found: unknown) => void) =>
      setImmediate(() => callback(null, entries))) as unknown as typeof dns.lookup;
  }

  async function startLiveServer(port: number): Promise<Server> {
    const server = createServer((_request, response) => void response.end('alive'));
    await new Promise<void>((resolve) => server.listen(port, liveHost, resolve));
    servers.push(server);
    return server;
  }

  it('A12: waits for a slow address for seconds, while it tries the others', async () => {
    resolveTo(silentHost, emptyHost);
    const [response] = await Promise.all([
      get(`http://iam.example:${silentServer.port}/`),
      silentServer.answerLate(),
    ]);
    assert.equal(response.body, 'slow');
  });

  it('A12: tries every address, although those before it never answer', async () => {
    await startLiveServer(silentServer.port);
    resolveTo(silentHost, silentHost, silentHost, silentHost, emptyHost, silentHost, liveHost);
    assert.equal((await get(`http://iam.example:${silentServer.port}/`)).body, 'alive');
  });

  it('A12: tries every address of a proxy', async () => {
    const proxy = await startLiveServer(silentServer.port);
    const paths: string[] = [];
    proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
      paths.push(String(request.url));
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    resolveTo(silentHost, liveHost);
    const options = { ...directOptions, proxy: `http://proxy.example:${silentServer.port}` };
    const failure = await expectFailure(get('https://iam.example/', neverAborted, options));
    assert.match(failure.message, /^the proxy refuses connections to iam\.example \(proxy\.example:\d+\)$/);
    assert.deepEqual(paths, ['iam.example:443']);
  });

  it('A12: fails when the total time is over, and when no address is left', async () => {
    const url = `http://iam.example:${silentServer.port}/`;
    resolveTo(silentHost, emptyHost);
    const failure = await expectFailure(get(url, AbortSignal.timeout(1_000)));
    assert.match(failure.message, /^iam\.example:\d+ did not answer in time$/);
    resolveTo(emptyHost, emptyHost);
    assert.match(
      (await expectFailure(get(url))).message,
      /^connection to iam\.example:\d+ refused \(127\.0\.0\.3:\d+\)$/,
    );
  });
});
