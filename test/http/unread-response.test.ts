import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createHttpServer } from '../../src/http/http-server.ts';
import { jsonResponse } from '../../src/http/route-response.ts';
import { createFakeLog } from '../support/fake-log.ts';
import { sendRawRequest } from '../support/network/raw-http.ts';
import { createTestClock } from '../support/time/test-clock.ts';
import { waitUntil } from '../support/wait-until.ts';

const request = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
/** More than the kernel takes for a client that reads nothing. */
const text = 'a'.repeat(16 * 1024 * 1024);

describe('an HTTP response that is not read', () => {
  it('is dropped after 30 s, and the connection closed', async () => {
    const clock = createTestClock();
    const peers: Socket[] = [];
    const server = await createHttpServer({
      listenOn: { host: '127.0.0.1', port: 0 },
      clock,
      log: createFakeLog(),
      decideAccess: (peer) => {
        peers.push(peer);
        return { isOtherUser: false };
      },
      respond: async () => jsonResponse({ text }),
    });
    await server.listen();
    const target = { host: '127.0.0.1', port: Number(server.address()?.split(':')[1]) };
    const socket = connect(target).on('error', () => undefined);
    socket.write(request);
    await once(socket, 'readable');
    clock.advance(29_000);
    assert.equal((await sendRawRequest(target, request)).status, 200);
    assert.equal(peers[0]?.destroyed, false);
    clock.advance(1_000);
    await waitUntil(() => peers[0]?.destroyed === true, 'the connection is closed');
    socket.destroy();
    await server.close();
  });
});
