import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { jsonResponse } from '../../src/http/route-response.ts';
import { type HttpServer, createHttpServer, type HttpServerOptions } from '../../src/http/http-server.ts';
import { IamTokenError } from '../../src/shared/errors.ts';
import { createFakeLog } from '../support/fake-log.ts';
import { listenOnLoopback } from '../support/network/loopback.ts';
import { type RawResponse, sendRawRequest } from '../support/network/raw-http.ts';
import { createRealClock } from '../support/time/real-clock.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { createTestClock } from '../support/time/test-clock.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('createHttpServer', () => {
  const folder = useTemporaryFolder();
  let server: HttpServer;
  let port: number;

  async function start(options: Partial<HttpServerOptions> = {}): Promise<void> {
    server = await createHttpServer({
      listenOn: { host: '127.0.0.1', port: 0 },
      clock: createRealClock(),
      log: createFakeLog(),
      respond: async ({ url }) => jsonResponse({ url }),
      ...options,
    });
    await server.listen();
    port = Number(server.address()?.split(':')[1]);
  }
  afterEach(() => server.close());

  function send(request: string): Promise<RawResponse> {
    return sendRawRequest({ port, host: '127.0.0.1' }, request);
  }
  async function openSocket(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  it('answers a GET, forbids caching, and closes the connection', async () => {
    await start();
    const { status, headers, body } = await send('GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(status, 200);
    assert.match(headers, /^cache-control: no-store\r$/m);
    assert.match(headers, /^x-content-type-options: nosniff\r$/m);
    assert.match(headers, /^connection: close$/im);
    assert.equal(body, '{"url":"/a?b"}\n');
  });

  const invalidRequests: readonly (readonly [what: string, request: string, status: number])[] = [
    ['a POST', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}', 405],
    ['a HEAD', 'HEAD / HTTP/1.1\r\nHost: h\r\n\r\n', 405],
    ['a CORS preflight', 'OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: http://e\r\n\r\n', 405],
    ['a CONNECT', 'CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n', 0],
    ['headers of more than 8 KB', `GET / HTTP/1.1\r\nHost: h\r\nA: ${'a'.repeat(9_000)}\r\n\r\n`, 431],
    ['a target of more than 8 KB', `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
    ['a request without Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n', 400],
    [
      'Content-Length with Transfer-Encoding',
      'GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['bytes that are not HTTP', '\u0016\u0003\u0001 hello\r\n\r\n', 400],
    ['a frame of the IPC protocol', '{"type":"iam-token","data":{}}\f\r\n\r\n', 400],
  ];
  for (const [what, request, status] of invalidRequests) {
    it(`rejects ${what}, and keeps serving`, async () => {
      await start();
      assert.equal((await send(request)).status, status);
      assert.equal((await send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    });
  }

  it('answers only the first of several requests on a connection', async () => {
    await start();
    const { headers, body } = await send('GET /1 HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(3));
    assert.match(headers, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(body, /200 OK/);
  });

  it('answers a thrown error with its status, its body and Retry-After', async () => {
    await start({
      respond: async () => {
        throw new IamTokenError({
          code: 'unavailable',
          message: 'no luck',
          hint: 'wait',
          retryAfterMs: 1_200,
        });
      },
    });
    const { status, headers, body } = await send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(status, 503);
    assert.match(headers, /^retry-after: 2\r$/m);
    assert.deepEqual(JSON.parse(body), {
      error: { code: 'unavailable', message: 'no luck', hint: 'wait', retryAfterMs: 1_200 },
    });
  });

  it('closes a rejected connection without a response, and logs the reason', async () => {
    const log = createFakeLog();
    let responses = 0;
    await start({
      log,
      decideAccess: () => ({ rejectionReason: 'the peer is another user (uid 7)' }),
      respond: async () => jsonResponse({ answers: ++responses }),
    });
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n'));
    socket.on('error', () => undefined).on('data', () => assert.fail('it was answered'));
    await once(socket, 'close');
    assert.deepEqual(log.lines, ['warn closed a connection: the peer is another user (uid 7)']);
    assert.equal(responses, 0);
  });

  it('closes a connection whose headers take too long, even if bytes keep arriving', async () => {
    const clock = createTestClock();
    await start({ clock });
    const earlySocket = await openSocket();
    earlySocket.write('GET / HTTP/1.1\r\n');
    await roundTrip();
    clock.advance(3_000);
    const lateSocket = await openSocket();
    lateSocket.write('GET / HTTP/1.1\r\nHo');
    await roundTrip();
    earlySocket.write('Host: h\r\n');
    clock.advance(2_000);
    await waitUntil(() => earlySocket.destroyed, 'the early one is closed');
    assert.equal(lateSocket.destroyed, false);
    clock.advance(3_000);
    await waitUntil(() => lateSocket.destroyed, 'the late one is closed');
  });

  it('does not apply the header timeout to a response', async () => {
    const clock = createTestClock();
    let release: () => void = () => undefined;
    let isRequested = false;
    await start({
      clock,
      respond: async () => {
        isRequested = true;
        await new Promise<void>((resolve) => (release = resolve));
        return jsonResponse({});
      },
    });
    const response = send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await waitUntil(() => isRequested, 'the request is handled');
    clock.advance(60_000);
    release();
    assert.equal((await response).status, 200);
  });

  for (const endpoint of ['a Unix socket', 'TCP'] as const) {
    it(`A9: answers a client on ${endpoint} that has ended its side of the connection`, async () => {
      const path = join(folder(), 'http.sock');
      let release: () => void = () => undefined;
      const isReleased = new Promise<void>((resolve) => (release = resolve));
      await start({
        ...(endpoint === 'TCP' ? {} : { listenOn: { path } }),
        respond: async ({ socket }) => {
          socket.once('end', () => setImmediate(release));
          await isReleased;
          return jsonResponse({});
        },
      });
      const socket = connect({
        ...(endpoint === 'TCP' ? { port, host: '127.0.0.1' } : { path }),
        allowHalfOpen: true,
      });
      let received = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
      socket.end('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      await once(socket, 'end');
      assert.match(received, /^HTTP\/1\.1 200 /);
      assert.match(received, /\r\n\r\n\{\}\n$/);
    });
  }

  it('aborts the signal of a request when its client closes a Unix socket', async () => {
    const path = join(folder(), 'http.sock');
    let requestSignal: AbortSignal | null = null;
    await start({
      listenOn: { path },
      respond: (_request, signal) => {
        requestSignal = signal;
        return new Promise(() => undefined);
      },
    });
    const socket = connect(path);
    socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await waitUntil(() => requestSignal !== null, 'the request is handled');
    socket.destroy();
    await waitUntil(() => requestSignal?.aborted === true, 'the signal is aborted');
  });

  it('does not log the request of a client that resets the connection', async () => {
    const log = createFakeLog();
    let isAborted = false;
    await start({
      log,
      respond: async (_request, signal) => {
        await once(signal, 'abort');
        isAborted = true;
        signal.throwIfAborted();
        return jsonResponse({});
      },
    });
    const socket = await openSocket();
    socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await roundTrip();
    socket.resetAndDestroy();
    await waitUntil(() => isAborted, 'the request is aborted');
    await roundTrip();
    assert.deepEqual(log.lines, []);
  });

  it('does not begin a request whose client has disconnected before its turn', async () => {
    const log = createFakeLog();
    let lateCount = 0;
    await start({
      log,
      respond: async (_request, { aborted }) => {
        if (aborted) lateCount += 1;
        return jsonResponse({});
      },
    });
    const sockets = await Promise.all(Array.from({ length: 500 }, openSocket));
    await roundTrip();
    for (const socket of sockets) {
      socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
      socket.resetAndDestroy();
    }
    await roundTrip();
    assert.equal(lateCount, 0);
    assert.deepEqual(log.lines, []);
  });

  it('serves requests beside 10,000 idle connections', async () => {
    await start();
    const idle: Socket[] = [];
    for (let batch = 0; batch < 20; batch += 1) {
      idle.push(...(await Promise.all(Array.from({ length: 500 }, openSocket))));
      assert.equal((await send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    }
    await waitUntil(
      () => idle.filter(({ destroyed }) => !destroyed).length <= 1_000,
      'the oldest are closed',
    );
    assert.equal((await send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    for (const socket of idle) socket.destroy();
  });

  it('creates a Unix socket for the owner only, and removes it on close', async () => {
    const path = join(folder(), 'http.sock');
    const umask = process.umask(0o022);
    try {
      await start({ listenOn: { path } });
      assert.equal(statSync(path).mode & 0o777, 0o600);
    } finally {
      assert.equal(process.umask(umask), 0o022);
    }
    assert.equal((await sendRawRequest({ path }, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    assert.equal(server.address(), null);
    await server.close();
    assert.equal(existsSync(path), false);
  });

  it('does not start on a port in use', async () => {
    const other = createServer();
    const occupiedPort = await listenOnLoopback(other);
    await assert.rejects(start({ listenOn: { host: '127.0.0.1', port: occupiedPort } }), {
      code: 'EADDRINUSE',
    });
    assert.equal(server.address(), null);
    other.close();
  });

  it('closes while clients hang', async () => {
    await start({ respond: () => new Promise(() => undefined) });
    await openSocket();
    const socket = await openSocket();
    socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await roundTrip();
    await server.close();
    assert.equal(server.address(), null);
  });

  /** Resolves once the server has read what was written before. */
  async function roundTrip(): Promise<void> {
    await send('PUT / HTTP/1.1\r\nHost: h\r\n\r\n');
  }
});
