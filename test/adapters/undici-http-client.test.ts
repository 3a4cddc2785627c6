import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { HttpRequest } from '../../src/shared/http-client.ts';
import {
  createDirectHttpClient,
  directOptions,
  expectFailure,
  get,
  neverAborted,
  useHttpServers,
} from '../support/network/http-client-fixture.ts';
import { closeServer, listenOnLoopback } from '../support/network/loopback.ts';

describe('createUndiciHttpClient', () => {
  const servers = useHttpServers();

  it('sends method, headers and body, and returns status, lower-case headers and body', async () => {
    const received: string[] = [];
    const url = await servers.serve((request, response) => {
      received.push(`${request.method} ${request.url} ${String(request.headers['x-mine'])}`);
      request.on('data', (chunk: Buffer) => received.push(chunk.toString()));
      request.on('end', () => response.writeHead(418, { 'X-Theirs': 'yes' }).end('kurz und stoßfest'));
    });
    const request: HttpRequest = {
      method: 'POST',
      url: `${url}/a?b=c`,
      headers: { 'X-Mine': '1' },
      body: '{}',
    };
    const response = await createDirectHttpClient().send(request, neverAborted);
    assert.deepEqual(received, ['POST /a?b=c 1', '{}']);
    assert.equal(response.status, 418);
    assert.equal(response.headers.get('x-theirs'), 'yes');
    assert.equal(response.body, 'kurz und stoßfest');
  });

  it('does not follow a redirect', async () => {
    let requests = 0;
    const url = await servers.serve((_request, response) => {
      requests += 1;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    assert.equal((await get(url)).status, 307);
    assert.equal(requests, 1);
  });

  it('closes the connection after a response', async () => {
    const server = createServer((_request, response) => void response.end('done'));
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => sockets.push(socket));
    await get(`http://127.0.0.1:${await servers.listen(server)}`);
    const [socket] = sockets;
    assert.ok(socket !== undefined && sockets.length === 1);
    if (!socket.closed) await once(socket, 'close');
  });

  it('accepts a body of 256 KiB, and rejects a longer one', async () => {
    const url = await servers.serve((request, response) => {
      response.end('x'.repeat(256 * 1024 + (request.url === '/more' ? 1 : 0)));
    });
    assert.equal((await get(url)).body.length, 256 * 1024);
    assert.match(
      (await expectFailure(get(`${url}/more`))).message,
      /^the response of 127\.0\.0\.1:\d+ is larger than 256 KiB$/,
    );
  });

  it('stops reading an endless response, and closes its connection', async () => {
    let sent = 0;
    const connectionClosed = new Promise<void>((resolve) => {
      void servers
        .serve((_request, response) => {
          const chunk = Buffer.alloc(64 * 1024);
          const writeMore = (): void => {
            while (!response.destroyed && response.write(chunk)) sent += chunk.length;
          };
          response.on('drain', writeMore).on('close', resolve);
          writeMore();
        })
        .then(async (url) => expectFailure(get(url)));
    });
    await connectionClosed;
    assert.ok(sent < 10_000_000, `${sent} bytes were sent`);
  });

  describe('when the signal aborts', () => {
    const itFails = (
      title: string,
      handle: (request: IncomingMessage, response: ServerResponse) => void,
    ): void => {
      it(title, async () => {
        const controller = new AbortController();
        const url = await servers.serve((request, response) => {
          handle(request, response);
          // In the next turn, so that the chunk has been sent.
          setImmediate(() => controller.abort(new DOMException('late', 'TimeoutError')));
        });
        const failure = await expectFailure(get(url, controller.signal));
        assert.match(failure.message, /^127\.0\.0\.1:\d+ did not answer in time$/);
        assert.equal((failure.cause as Error).name, 'TimeoutError');
      });
    };
    itFails('fails at once before the head of the response', () => undefined);
    itFails(
      'fails at once in the body of the response',
      (_request, response) => void response.writeHead(200, { 'content-length': 99 }).write('half'),
    );

    it('fails at once while a proxy leaves CONNECT unanswered', async () => {
      const proxy = createServer();
      const controller = new AbortController();
      const proxyAborted = new Promise((resolve) => {
        proxy.on('connect', (_request, socket: Socket) => {
          socket.on('end', () => resolve(socket.destroy())).resume();
          controller.abort();
        });
      });
      const options = { ...directOptions, proxy: `http://127.0.0.1:${await servers.listen(proxy)}` };
      const failure = await expectFailure(get('https://iam.example/', controller.signal, options));
      assert.equal(failure.message, 'the request to iam.example was cancelled');
      await proxyAborted;
    });

    it('fails before it sends anything', async () => {
      assert.equal(
        (await expectFailure(get('http://127.0.0.1:1/', AbortSignal.abort()))).message,
        'the request to 127.0.0.1:1 was cancelled',
      );
    });
  });

  describe('failure messages', () => {
    it('report a host name that cannot be resolved', async () => {
      // RFC 6761: .invalid is never resolved.
      const failure = await expectFailure(get('https://iam.invalid/'));
      assert.equal(failure.message, 'cannot resolve the host name iam.invalid');
      assert.ok(failure.cause instanceof Error);
    });

    it('report a refused connection', async () => {
      const server = createServer();
      const port = await listenOnLoopback(server);
      await closeServer(server);
      assert.equal(
        (await expectFailure(get(`http://127.0.0.1:${port}/`))).message,
        `connection to 127.0.0.1:${port} refused`,
      );
      assert.match(
        (await expectFailure(get(`http://localhost:${port}/`))).message,
        /^connection to localhost:\d+ refused \(.+\)$/,
      );
    });

    it('report a response that is cut off before its head or in its body', async () => {
      const url = await servers.serve((request, response) => {
        if (request.url === '/body') response.writeHead(200, { 'content-length': 99 }).write('half');
        setImmediate(() => response.socket?.resetAndDestroy());
      });
      for (const path of ['/head', '/body']) {
        assert.match(
          (await expectFailure(get(url + path))).message,
          /^127\.0\.0\.1:\d+ closed the connection$/,
        );
      }
    });

    it('report a response that is not HTTP', async () => {
      const server = createTcpServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
      const port = await listenOnLoopback(server);
      const failure = await expectFailure(get(`http://127.0.0.1:${port}/`));
      server.close();
      assert.match(failure.message, /^127\.0\.0\.1:\d+ did not answer with HTTP$/);
    });

    it('report a failed TLS handshake', async () => {
      const url = (await servers.serve(() => undefined)).replace('http:', 'https:');
      assert.match(
        (await expectFailure(get(url))).message,
        /^TLS handshake with 127\.0\.0\.1:\d+ failed \(ERR_SSL_/,
      );
    });

    it('report an invalid request without its contents', async () => {
      const url = await servers.serve(() => undefined);
      const request: HttpRequest = { method: 'GET', url, headers: { authorization: 'Bearer top\nsecret' } };
      const failure = await expectFailure(createDirectHttpClient().send(request, neverAborted));
      assert.match(failure.message, /^the request to 127\.0\.0\.1:\d+ failed/);
      assert.doesNotMatch(failure.message, /secret/);
    });
  });
});
