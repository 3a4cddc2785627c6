import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { createUndiciHttpClient } from '../../../src/adapters/undici-http-client.ts';
import { startConnectProxy } from '../../support/network/connect-proxy.ts';
import {
  directOptions,
  expectFailure,
  get,
  neverAborted,
} from '../../support/network/http-client-fixture.ts';
import { closeServer, listenOnLoopback } from '../../support/network/loopback.ts';
import { createRealClock } from '../../support/time/real-clock.ts';

const finalResponse = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ndone';
const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </style>; rel=preload\r\n\r\n';

/** A server that sends these pieces, each in its own write, for every connection. */
async function withRawServer(
  pieces: readonly string[],
  use: (url: string, port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer();
  // Before the HTTP parser: it would send responses of its own.
  server.removeAllListeners('connection').on('connection', (socket: Socket) => {
    sockets.add(socket.setNoDelay().on('error', () => undefined));
    socket.once('data', () => {
      const writeNext = ([piece, ...rest]: readonly string[]): void => {
        if (piece === undefined) return void socket.end();
        socket.write(piece, () => setImmediate(writeNext, rest));
      };
      writeNext(pieces);
    });
  });
  const port = await listenOnLoopback(server);
  try {
    await use(`http://127.0.0.1:${port}`, port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await closeServer(server);
  }
}

describe('interim responses before the response', () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    'a 100 Continue': ['HTTP/1.1 100 Continue\r\n\r\n', finalResponse],
    'a 100 Continue in one packet with it': [`HTTP/1.1 100 Continue\r\n\r\n${finalResponse}`],
    'several, with headers': [
      'HTTP/1.1 100 Continue\r\nserver: x\r\n\r\n',
      hints,
      'HTTP/1.1 102 Processing\r\n\r\n',
      finalResponse,
    ],
    'a 199 and a 100 without a reason': ['HTTP/1.1 199 \r\n\r\nHTTP/1.1 100\r\n\r\n', finalResponse],
    'one byte at a time': `HTTP/1.1 100 Continue\r\n\r\n${hints}${finalResponse}`.split(''),
    none: [finalResponse],
  };
  for (const [title, pieces] of Object.entries(cases)) {
    it(`E12: ${title}: the response counts`, async () => {
      await withRawServer(pieces, async (url) => {
        const { status, body } = await get(url);
        assert.deepEqual([status, body], [200, 'done']);
      });
    });
  }

  it('E12: a 100 Continue is skipped behind a proxy, and from the proxy itself', async () => {
    await withRawServer(['HTTP/1.1 100 Continue\r\n\r\n', finalResponse], async (_url, port) => {
      const proxy = await startConnectProxy(port, 'HTTP/1.1 100 Continue\r\n\r\n');
      const client = createUndiciHttpClient({ ...directOptions, proxy: proxy.url }, createRealClock());
      const request = { method: 'GET', url: 'http://iam.test/', headers: {} } as const;
      const { status, body } = await client.send(request, neverAborted);
      await proxy.close();
      assert.deepEqual([status, body], [200, 'done']);
    });
  });

  for (const [title, pieces, message] of [
    ['nothing follows', ['HTTP/1.1 100 Continue\r\n\r\n'], /^\S+ closed the connection$/],
    ['it does not end', ['HTTP/1.1 100 \r\nx: ', 'y'.repeat(80 * 1024)], /UND_ERR_HEADERS_OVERFLOW/],
    [
      'it switches the protocol',
      ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', finalResponse],
      /^\S+ closed the connection$/,
    ],
  ] as const) {
    it(`E12: an interim response fails the request if ${title}`, async () => {
      await withRawServer(pieces, async (url) => {
        assert.match((await expectFailure(get(url))).message, message);
      });
    });
  }
});
