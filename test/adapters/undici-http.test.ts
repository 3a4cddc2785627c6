import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { type HttpOptions, undiciHttp } from '../../src/adapters/undici-http.ts';
import { HttpFailure, type HttpRequest, type HttpResponse } from '../../src/shared/http-client.ts';
import { listen, shut } from '../support/loopback.ts';
import { tlsCertificate, tlsKey } from '../support/tls-fixture.ts';

const direct: HttpOptions = { proxy: null, noProxy: [], certificates: null };
const never = new AbortController().signal;

function get(url: string, signal = never, options = direct): Promise<HttpResponse> {
  return undiciHttp(options).send({ method: 'GET', url, headers: {} }, signal);
}

async function failureOf(sent: Promise<HttpResponse>): Promise<HttpFailure> {
  try {
    const response = await sent;
    return assert.fail(`an answer came: ${response.status}`);
  } catch (thrown) {
    assert.ok(thrown instanceof HttpFailure, String(thrown));
    return thrown;
  }
}

describe('HTTP by undici', () => {
  const open: Server[] = [];
  const openTcp: TcpServer[] = [];

  async function serve(
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<string> {
    const server = createServer(handle);
    open.push(server);
    return `http://127.0.0.1:${await listen(server)}`;
  }

  afterEach(async () => {
    await Promise.all(open.splice(0).map(shut));
    for (const server of openTcp.splice(0)) server.close();
  });

  it('sends method, headers and body, and brings status, lower-case headers and body', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(`${request.method} ${request.url} ${String(request.headers['x-mine'])}`);
      request.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
      request.on('end', () => response.writeHead(418, { 'X-Theirs': 'yes' }).end('kurz und stoßfest'));
    });
    const request: HttpRequest = {
      method: 'POST',
      url: `${url}/a?b=c`,
      headers: { 'X-Mine': '1' },
      body: '{}',
    };
    const response = await undiciHttp(direct).send(request, never);
    assert.deepEqual(seen, ['POST /a?b=c 1', '{}']);
    assert.equal(response.status, 418);
    assert.equal(response.headers.get('x-theirs'), 'yes');
    assert.equal(response.body, 'kurz und stoßfest');
  });

  it('does not follow a redirect', async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked += 1;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    assert.equal((await get(url)).status, 307);
    assert.equal(asked, 1);
  });

  it('leaves no connection open behind an answer', async () => {
    const server = createServer((_request, response) => void response.end('done'));
    open.push(server);
    const sockets: Socket[] = [];
    server.on('connection', (socket: Socket) => sockets.push(socket));
    await get(`http://127.0.0.1:${await listen(server)}`);
    const [socket] = sockets;
    assert.ok(socket !== undefined && sockets.length === 1);
    if (!socket.closed) await once(socket, 'close');
  });

  it('takes 256 KiB, and says so of more', async () => {
    const url = await serve((request, response) => {
      response.end('x'.repeat(256 * 1024 + (request.url === '/more' ? 1 : 0)));
    });
    assert.equal((await get(url)).body.length, 256 * 1024);
    assert.match(
      (await failureOf(get(`${url}/more`))).message,
      /^the answer of 127\.0\.0\.1:\d+ is larger than 256 KiB$/,
    );
  });

  it('stops reading an endless answer, and ends its connection', async () => {
    let sent = 0;
    const gone = new Promise<void>((resolve) => {
      void serve((_request, response) => {
        const chunk = Buffer.alloc(64 * 1024);
        const more = (): void => {
          while (!response.destroyed && response.write(chunk)) sent += chunk.length;
        };
        response.on('drain', more).on('close', resolve);
        more();
      }).then(async (url) => failureOf(get(url)));
    });
    await gone;
    assert.ok(sent < 10_000_000, `${sent} bytes were taken`);
  });

  describe('ends at once when the signal aborts', () => {
    const reached = (
      name: string,
      handle: (request: IncomingMessage, response: ServerResponse) => void,
    ): void => {
      it(name, async () => {
        const controller = new AbortController();
        const url = await serve((request, response) => {
          handle(request, response);
          // In the next turn, so that what was written has been on its way.
          setImmediate(() => controller.abort(new DOMException('late', 'TimeoutError')));
        });
        const failure = await failureOf(get(url, controller.signal));
        assert.match(failure.message, /^127\.0\.0\.1:\d+ did not answer in time$/);
        assert.equal((failure.cause as Error).name, 'TimeoutError');
      });
    };
    reached('before the head of the answer', () => undefined);
    reached(
      'in its body',
      (_request, response) => void response.writeHead(200, { 'content-length': 99 }).write('half'),
    );

    it('while a proxy leaves CONNECT unanswered', async () => {
      const proxy = createServer();
      open.push(proxy);
      const controller = new AbortController();
      const left = new Promise((resolve) => {
        proxy.on('connect', (_request, socket: Socket) => {
          socket.on('end', () => resolve(socket.destroy())).resume();
          controller.abort();
        });
      });
      const options = { ...direct, proxy: `http://127.0.0.1:${await listen(proxy)}` };
      const failure = await failureOf(get('https://iam.example/', controller.signal, options));
      assert.equal(failure.message, 'the request to iam.example was given up');
      await left;
    });

    it('before anything was done', async () => {
      assert.equal(
        (await failureOf(get('http://127.0.0.1:1/', AbortSignal.abort()))).message,
        'the request to 127.0.0.1:1 was given up',
      );
    });
  });

  describe('says in a sentence', () => {
    it('that the name cannot be resolved', async () => {
      // RFC 6761: .invalid never is.
      const failure = await failureOf(get('https://iam.invalid/'));
      assert.equal(failure.message, 'the name iam.invalid cannot be resolved');
      assert.ok(failure.cause instanceof Error);
    });

    it('that the connection was refused', async () => {
      const server = createServer();
      const port = await listen(server);
      await shut(server);
      assert.equal(
        (await failureOf(get(`http://127.0.0.1:${port}/`))).message,
        `the connection to 127.0.0.1:${port} was refused`,
      );
      assert.match(
        (await failureOf(get(`http://localhost:${port}/`))).message,
        /^the connection to localhost:\d+ was refused \(.+\)$/,
      );
    });

    it('that the answer was cut off, before its head or in its body', async () => {
      const url = await serve((request, response) => {
        if (request.url === '/body') response.writeHead(200, { 'content-length': 99 }).write('half');
        setImmediate(() => response.socket?.resetAndDestroy());
      });
      for (const path of ['/head', '/body']) {
        assert.match(
          (await failureOf(get(url + path))).message,
          /^the connection to 127\.0\.0\.1:\d+ was cut off$/,
        );
      }
    });

    it('that the answer is not HTTP', async () => {
      const server = createTcpServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
      openTcp.push(server);
      const port = await listen(server);
      const failure = await failureOf(get(`http://127.0.0.1:${port}/`));
      assert.match(failure.message, /^127\.0\.0\.1:\d+ answered with something that is not HTTP$/);
    });

    it('that there is no TLS', async () => {
      const url = (await serve(() => undefined)).replace('http:', 'https:');
      assert.match(
        (await failureOf(get(url))).message,
        /^no secure connection to 127\.0\.0\.1:\d+ \(ERR_SSL_/,
      );
    });

    it('that the request failed, without a word of what was sent', async () => {
      const url = await serve(() => undefined);
      const request: HttpRequest = { method: 'GET', url, headers: { authorization: 'Bearer top\nsecret' } };
      const failure = await failureOf(undiciHttp(direct).send(request, never));
      assert.match(failure.message, /^the request to 127\.0\.0\.1:\d+ failed/);
      assert.doesNotMatch(failure.message, /secret/);
    });
  });

  describe('over TLS', () => {
    const tlsServer = async (): Promise<number> => {
      const server = createTlsServer({ key: tlsKey, cert: tlsCertificate }, (_request, response) => {
        response.end('safe');
      });
      open.push(server);
      return listen(server);
    };

    it('says that a certificate is not trusted', async () => {
      const url = `https://127.0.0.1:${await tlsServer()}/`;
      assert.match(
        (await failureOf(get(url))).message,
        /^the certificate of 127\.0\.0\.1:\d+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
      );
    });

    it('trusts the certificates it was given', async () => {
      const url = `https://localhost:${await tlsServer()}/`;
      assert.equal((await get(url, never, { ...direct, certificates: tlsCertificate })).body, 'safe');
    });

    it('says that a certificate is made out to another name', async () => {
      const { proxy } = await tunnel(await tlsServer());
      const options = { proxy, noProxy: [], certificates: tlsCertificate };
      const failure = await failureOf(get('https://iam.example/', never, options));
      assert.equal(failure.message, 'the certificate of iam.example is made out to another name');
    });
  });

  /** A proxy that brings every tunnel to the same port. */
  async function tunnel(toPort: number): Promise<{ proxy: string; asked: string[] }> {
    const asked: string[] = [];
    const server = createServer();
    open.push(server);
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      asked.push(String(request.url));
      const onward = connect(toPort, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    return { proxy: `http://127.0.0.1:${await listen(server)}`, asked };
  }

  describe('with a proxy', () => {
    const target = async (): Promise<number> =>
      Number(new URL(await serve((request, response) => void response.end(request.headers.host))).port);

    it('asks any other host through it', async () => {
      const { proxy, asked } = await tunnel(await target());
      const response = await get('http://iam.example:81/', never, { ...direct, proxy });
      assert.equal(response.body, 'iam.example:81');
      assert.deepEqual(asked, ['iam.example:81']);
    });

    it('asks hosts of NO_PROXY directly', async () => {
      const { proxy, asked } = await tunnel(await target());
      for (const noProxy of [['iam.invalid'], ['.invalid'], ['*.invalid'], ['other', 'invalid:443'], ['*']]) {
        const failure = await failureOf(get('https://iam.invalid/', never, { ...direct, proxy, noProxy }));
        assert.equal(failure.message, 'the name iam.invalid cannot be resolved');
      }
      assert.deepEqual(asked, []);
    });

    it('never asks this machine through it', async () => {
      const port = await target();
      const { proxy, asked } = await tunnel(port);
      for (const host of ['127.0.0.1', 'localhost', '127.1']) {
        await get(`http://${host}:${port}/`, never, { ...direct, proxy });
      }
      assert.deepEqual(asked, []);
    });

    it('says that the proxy lets nothing through', async () => {
      const proxy = createServer();
      open.push(proxy);
      proxy.on('connect', (_request, socket: Socket) => {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      });
      const options = { ...direct, proxy: `http://127.0.0.1:${await listen(proxy)}` };
      assert.equal(
        (await failureOf(get('https://iam.example/', never, options))).message,
        'the proxy lets no connection through to iam.example',
      );
    });

    it('does not let the environment choose one', async () => {
      const { proxy, asked } = await tunnel(await target());
      process.env['HTTPS_PROXY'] = proxy;
      try {
        await failureOf(get('https://iam.invalid/'));
      } finally {
        delete process.env['HTTPS_PROXY'];
      }
      assert.deepEqual(asked, []);
    });
  });
});
