import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import {
  directOptions,
  expectFailure,
  get,
  neverAborted,
  useHttpServers,
} from '../support/network/http-client-fixture.ts';
import { listenOnLoopback } from '../support/network/loopback.ts';
import { tlsCertificate, tlsKey } from '../support/network/tls-certificate.ts';

describe('createUndiciHttpClient, TLS and proxy', () => {
  const servers = useHttpServers();

  describe('over TLS', () => {
    const startTlsServer = async (): Promise<number> => {
      const server = createTlsServer({ key: tlsKey, cert: tlsCertificate }, (_request, response) => {
        response.end('safe');
      });
      return servers.listen(server);
    };

    it('reports a certificate that is not trusted', async () => {
      const url = `https://127.0.0.1:${await startTlsServer()}/`;
      assert.match(
        (await expectFailure(get(url))).message,
        /^the certificate of 127\.0\.0\.1:\d+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
      );
    });

    it('trusts the configured certificates', async () => {
      const url = `https://localhost:${await startTlsServer()}/`;
      assert.equal(
        (await get(url, neverAborted, { ...directOptions, certificates: [tlsCertificate] })).body,
        'safe',
      );
    });

    it('reports a certificate for another host name', async () => {
      const { proxy } = await startTunnelProxy(await startTlsServer());
      const options = { proxy, noProxy: [], certificates: [tlsCertificate] };
      const failure = await expectFailure(get('https://iam.example/', neverAborted, options));
      assert.equal(failure.message, 'the certificate of iam.example is for another host name');
    });
  });

  /** A proxy that connects every tunnel to the same port. */
  async function startTunnelProxy(toPort: number): Promise<{ proxy: string; requests: string[] }> {
    const requests: string[] = [];
    const server = createServer();
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      requests.push(String(request.url));
      const upstream = connect(toPort, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    return { proxy: `http://127.0.0.1:${await servers.listen(server)}`, requests };
  }

  describe('with a proxy', () => {
    const startTarget = async (): Promise<number> =>
      Number(
        new URL(await servers.serve((request, response) => void response.end(request.headers.host))).port,
      );

    it('sends requests to other hosts through it', async () => {
      const { proxy, requests } = await startTunnelProxy(await startTarget());
      const response = await get('http://iam.example:81/', neverAborted, { ...directOptions, proxy });
      assert.equal(response.body, 'iam.example:81');
      assert.deepEqual(requests, ['iam.example:81']);
    });

    it('connects directly to hosts in NO_PROXY', async () => {
      const { proxy, requests } = await startTunnelProxy(await startTarget());
      for (const noProxy of [['iam.invalid'], ['.invalid'], ['*.invalid'], ['other', 'invalid:443'], ['*']]) {
        const failure = await expectFailure(
          get('https://iam.invalid/', neverAborted, { ...directOptions, proxy, noProxy }),
        );
        assert.equal(failure.message, 'cannot resolve the host name iam.invalid');
      }
      assert.deepEqual(requests, []);
    });

    it('connects directly to this machine', async () => {
      const port = await startTarget();
      const { proxy, requests } = await startTunnelProxy(port);
      for (const host of ['127.0.0.1', 'localhost', '127.1']) {
        await get(`http://${host}:${port}/`, neverAborted, { ...directOptions, proxy });
      }
      assert.deepEqual(requests, []);
    });

    for (const [status, message] of [
      ['403 Forbidden', 'the proxy refuses connections to iam.example'],
      ['407 Proxy Authentication Required', 'the proxy requires a valid user name and password'],
    ] as const) {
      it(`B6: reports a proxy that answers CONNECT with ${status}`, async () => {
        const proxy = createServer();
        proxy.on('connect', (_request, socket: Socket) => {
          socket.end(`HTTP/1.1 ${status}\r\n\r\n`);
        });
        const address = `127.0.0.1:${await servers.listen(proxy)}`;
        const options = { ...directOptions, proxy: `http://${address}` };
        const { message: actual } = await expectFailure(get('https://iam.example/', neverAborted, options));
        assert.equal(actual, `${message} (${address})`);
      });
    }

    it('B6: blames the proxy if nothing listens at its address', async () => {
      const server = createServer();
      const address = `127.0.0.1:${await servers.listen(server)}`;
      await new Promise((resolve) => server.close(resolve));
      const options = { ...directOptions, proxy: `http://${address}` };
      const { message } = await expectFailure(get('https://iam.example/', neverAborted, options));
      assert.equal(message, `connection to the proxy refused (${address})`);
    });

    it('B6: sends a user name and a password with any character', async () => {
      const authorizations: unknown[] = [];
      const server = createServer();
      server.on('connect', (request: IncomingMessage, socket: Socket) => {
        authorizations.push(request.headers['proxy-authorization']);
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      });
      const address = `127.0.0.1:${await servers.listen(server)}`;
      for (const userInfo of ['me:50%', 'me:a%23b%3fc%40d', 'me', 'me:%ff']) {
        const options = { ...directOptions, proxy: `http://${userInfo}@${address}` };
        await expectFailure(get('https://iam.example/', neverAborted, options));
      }
      assert.deepEqual(
        authorizations.map((header) =>
          Buffer.from(String(header).replace('Basic ', ''), 'base64').toString('latin1'),
        ),
        ['me:50%', 'me:a#b?c@d', 'me:', 'me:\xff'],
      );
    });

    const proxyFaults: readonly (readonly [string, (socket: Socket) => void])[] = [
      ['closes before it reads', (socket) => void socket.end()],
      ['resets before it reads', (socket) => void socket.resetAndDestroy()],
      ['closes after CONNECT', (socket) => void socket.once('data', () => socket.end())],
      ['resets after CONNECT', (socket) => void socket.once('data', () => socket.resetAndDestroy())],
      ['closes within its response', (socket) => void socket.once('data', () => socket.end('HTTP/1.1 2'))],
    ];
    const established = 'HTTP/1.1 200 OK\r\n\r\n';
    const targetFaults: readonly (readonly [string, (socket: Socket) => void])[] = [
      [
        'closes after the tunnel is open',
        (socket) => void socket.once('data', () => socket.end(established)),
      ],
      [
        'resets after the request',
        (socket) =>
          void socket.once('data', () => {
            socket.write(established);
            socket.once('data', () => socket.resetAndDestroy());
          }),
      ],
      [
        'answers 421 Misdirected Request',
        (socket) =>
          void socket.once('data', () => {
            socket.write(established);
            socket.once('data', () =>
              socket.end('HTTP/1.1 421 Misdirected Request\r\ncontent-length: 0\r\n\r\n'),
            );
          }),
      ],
    ];
    for (const [fault, handle] of [...proxyFaults, ...targetFaults]) {
      it(`E2: opens at most two connections to a proxy that ${fault}`, async () => {
        const connections: Socket[] = [];
        const server = createTcpServer((socket) => {
          connections.push(socket);
          socket.on('error', () => undefined);
          handle(socket);
        });
        const address = `127.0.0.1:${await listenOnLoopback(server)}`;
        try {
          const options = { ...directOptions, proxy: `http://${address}` };
          const signal = AbortSignal.timeout(1_000);
          const outcome = await get('http://iam.example/', signal, options).then(
            ({ status }) => String(status),
            (error: unknown) => (error as Error).message,
          );
          const isProxyFault = proxyFaults.some(([name]) => name === fault);
          if (isProxyFault) assert.equal(outcome, `the proxy closed the connection (${address})`);
          assert.ok(connections.length <= 2, `${connections.length} connections`);
        } finally {
          server.close();
          for (const socket of connections) socket.destroy();
        }
      });
    }

    it('ignores a proxy in the environment', async () => {
      const { proxy, requests } = await startTunnelProxy(await startTarget());
      process.env['HTTPS_PROXY'] = proxy;
      try {
        await expectFailure(get('https://iam.invalid/'));
      } finally {
        delete process.env['HTTPS_PROXY'];
      }
      assert.deepEqual(requests, []);
    });
  });
});
