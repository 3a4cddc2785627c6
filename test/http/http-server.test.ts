import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { json } from '../../src/http/http-answer.ts';
import { type HttpServer, httpServer, type HttpServerOptions } from '../../src/http/http-server.ts';
import { ProblemError } from '../../src/shared/errors.ts';
import { fakeLog } from '../support/fake-log.ts';
import { listen } from '../support/loopback.ts';
import { type RawAnswer, sendRaw } from '../support/raw-http.ts';
import { realClock } from '../support/real-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';

describe('the HTTP server', () => {
  const folder = temporaryFolder();
  let server: HttpServer;
  let port: number;

  async function start(options: Partial<HttpServerOptions> = {}): Promise<void> {
    server = await httpServer({
      listenOn: { host: '127.0.0.1', port: 0 },
      clock: realClock(),
      log: fakeLog(),
      answer: async ({ url }) => json({ url }),
      ...options,
    });
    await server.listen();
    port = Number(server.address()?.split(':')[1]);
  }
  afterEach(() => server.close());

  function send(request: string): Promise<RawAnswer> {
    return sendRaw({ port, host: '127.0.0.1' }, request);
  }
  async function openSocket(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  it('answers a GET, is not to be cached, and ends the connection', async () => {
    await start();
    const { status, headers, body } = await send('GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n');
    assert.equal(status, 200);
    assert.match(headers, /^cache-control: no-store\r$/m);
    assert.match(headers, /^x-content-type-options: nosniff\r$/m);
    assert.match(headers, /^connection: close$/im);
    assert.equal(body, '{"url":"/a?b"}\n');
  });

  const refusals: readonly (readonly [what: string, request: string, status: number])[] = [
    ['a POST', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}', 405],
    ['a HEAD', 'HEAD / HTTP/1.1\r\nHost: h\r\n\r\n', 405],
    ['the preflight of a browser', 'OPTIONS / HTTP/1.1\r\nHost: h\r\nOrigin: http://e\r\n\r\n', 405],
    ['a tunnel', 'CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n', 0],
    ['headers of more than 8 KB', `GET / HTTP/1.1\r\nHost: h\r\nA: ${'a'.repeat(9_000)}\r\n\r\n`, 431],
    ['a target of more than 8 KB', `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a header in two lines', 'GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n', 400],
    [
      'both lengths of a body',
      'GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['what is not HTTP', '\u0016\u0003\u0001 hello\r\n\r\n', 400],
    ['a frame of the other socket', '{"type":"iam-token","data":{}}\f\r\n\r\n', 400],
  ];
  for (const [what, request, status] of refusals) {
    it(`refuses ${what}, and goes on`, async () => {
      await start();
      assert.equal((await send(request)).status, status);
      assert.equal((await send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    });
  }

  it('answers the first of several requests on a connection', async () => {
    await start();
    const { headers, body } = await send('GET /1 HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(3));
    assert.match(headers, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(body, /200 OK/);
  });

  it('answers what is thrown with the code and its status, and when to ask again', async () => {
    await start({
      answer: async () => {
        throw new ProblemError({
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

  it('closes the connection of whom it does not admit, before a word, and says why in the log', async () => {
    const log = fakeLog();
    let answers = 0;
    await start({
      log,
      admit: () => ({ refused: 'it came from another user (uid 7)' }),
      answer: async () => json({ answers: ++answers }),
    });
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n'));
    socket.on('error', () => undefined).on('data', () => assert.fail('it was answered'));
    await once(socket, 'close');
    assert.deepEqual(log.lines, ['warn closed a connection: it came from another user (uid 7)']);
    assert.equal(answers, 0);
  });

  it('cuts off who takes too long for the headers, however steadily they drip', async () => {
    const clock = testClock();
    await start({ clock });
    const early = await openSocket();
    early.write('GET / HTTP/1.1\r\n');
    await answered();
    clock.advance(3_000);
    const late = await openSocket();
    late.write('GET / HTTP/1.1\r\nHo');
    await answered();
    early.write('Host: h\r\n');
    clock.advance(2_000);
    await until(() => early.destroyed, 'the early one is closed');
    assert.equal(late.destroyed, false);
    clock.advance(3_000);
    await until(() => late.destroyed, 'the late one is closed');
  });

  it('lets a request wait for its answer for longer than its headers may take', async () => {
    const clock = testClock();
    let release: () => void = () => undefined;
    let asked = false;
    await start({
      clock,
      answer: async () => {
        asked = true;
        await new Promise<void>((resolve) => (release = resolve));
        return json({});
      },
    });
    const answer = send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => asked, 'it was asked');
    clock.advance(60_000);
    release();
    assert.equal((await answer).status, 200);
  });

  it('tells whoever answers that the client has left', async () => {
    let left: AbortSignal | null = null;
    await start({
      answer: (_request, gone) => {
        left = gone;
        return new Promise(() => undefined);
      },
    });
    const socket = await openSocket();
    socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => left !== null, 'it was asked');
    socket.destroy();
    await until(() => left?.aborted === true, 'it was told');
  });

  it('serves while 10,000 connections say nothing', async function () {
    this.timeout(60_000);
    await start();
    const idle: Socket[] = [];
    for (let batch = 0; batch < 20; batch += 1) {
      idle.push(...(await Promise.all(Array.from({ length: 500 }, openSocket))));
      assert.equal((await send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    }
    await until(() => idle.filter(({ destroyed }) => !destroyed).length <= 1_000, 'the oldest made room');
    assert.equal((await send('GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    for (const socket of idle) socket.destroy();
  });

  it('has a Unix socket that nobody else may open, and takes it away at the end', async () => {
    const path = join(folder(), 'http.sock');
    const umask = process.umask(0o022);
    try {
      await start({ listenOn: { path } });
      assert.equal(statSync(path).mode & 0o777, 0o600);
    } finally {
      assert.equal(process.umask(umask), 0o022);
    }
    assert.equal((await sendRaw({ path }, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 200);
    assert.equal(server.address(), null);
    await server.close();
    assert.equal(existsSync(path), false);
  });

  it('does not start where somebody else listens', async () => {
    const other = createServer();
    const taken = await listen(other);
    await assert.rejects(start({ listenOn: { host: '127.0.0.1', port: taken } }), { code: 'EADDRINUSE' });
    assert.equal(server.address(), null);
    other.close();
  });

  it('ends though clients hang', async () => {
    await start({ answer: () => new Promise(() => undefined) });
    await openSocket();
    const socket = await openSocket();
    socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await answered();
    await server.close();
    assert.equal(server.address(), null);
  });

  /** What was written before has arrived, as far as the server reads in order. */
  async function answered(): Promise<void> {
    await send('PUT / HTTP/1.1\r\nHost: h\r\n\r\n');
  }
});
