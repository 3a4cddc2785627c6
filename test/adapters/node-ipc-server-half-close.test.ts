import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Peer } from '../../src/protocol/peer.ts';
import { createResult, formatFrame, useIpcServer } from '../support/daemon/ipc-server-fixture.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('createNodeIpcServer, with a peer that has ended its side of the connection', () => {
  const ipc = useIpcServer();
  let peers: Peer[];

  /** A server whose requests wait. */
  async function startServer(): Promise<void> {
    peers = [];
    await ipc.startServer({ onMessage: (_data, from) => peers.push(from) });
  }
  const waitForRequests = (count: number): Promise<void> =>
    waitUntil(() => peers.length === count, 'the requests are handled');

  it('A9: answers its pending requests, then closes', async () => {
    await startServer();
    const client = await ipc.connectClient();
    client.socket.end(formatFrame('{"id":1}') + formatFrame('{"id":2}'));
    await waitForRequests(2);
    // A round trip of another client: the end of the first has arrived.
    const other = await ipc.connectClient();
    other.send({ id: 3 });
    await waitForRequests(3);
    peers[1]?.send(createResult(2, {}));
    assert.deepEqual(await client.nextData(), createResult(2, {}));
    assert.equal(peers[0]?.closeSignal.aborted, false);
    peers[0]?.send(createResult(1, {}));
    assert.deepEqual(await client.nextData(), createResult(1, {}));
    await client.closed;
    await waitUntil(() => peers[0]?.closeSignal.aborted === true, 'the connection is closed');
    assert.equal(peers[2]?.closeSignal.aborted, false);
    assert.deepEqual(ipc.errors(), []);
  });

  it('A9: does not count events as answers', async () => {
    await startServer();
    const client = await ipc.connectClient();
    client.socket.end(formatFrame('{"id":1}'));
    await waitForRequests(1);
    peers[0]?.send({ v: 1, event: 'rotated', params: { profile: 'work' } });
    await client.nextData();
    peers[0]?.send(createResult(1, {}));
    assert.deepEqual(await client.nextData(), createResult(1, {}));
    await client.closed;
  });

  it('A9: ignores what follows its last frame', async () => {
    await ipc.startServer({ messageTimeoutMs: 50, onMessage: (_data, from) => peers.push(from) });
    peers = [];
    const client = await ipc.connectClient();
    client.socket.end(`${formatFrame('{"id":1}')}\n`);
    await waitForRequests(1);
    await waitUntil(() => client.socket.writableFinished, 'its side has ended');
    await new Promise((resolve) => setTimeout(resolve, 100)); // Longer than the timeout.
    peers[0]?.send(createResult(1, {}));
    assert.deepEqual(await client.nextData(), createResult(1, {}));
    await client.closed;
    assert.deepEqual(ipc.errors(), []);
  });

  it('A9: closes at once if nothing is pending', async () => {
    await startServer();
    const client = await ipc.connectClient();
    client.socket.end();
    await client.closed;
  });

  it('A9: notices that it closes the connection, at once or later', async () => {
    await startServer();
    const client = await ipc.connectClient();
    client.send({ id: 1 });
    await waitForRequests(1);
    client.socket.destroy();
    await waitUntil(() => peers[0]?.closeSignal.aborted === true, 'its close is noticed');

    const laterClient = await ipc.connectClient();
    laterClient.socket.end(formatFrame('{"id":1}'));
    await once(laterClient.socket, 'finish');
    await waitForRequests(2);
    assert.equal(peers[1]?.closeSignal.aborted, false);
    laterClient.socket.destroy();
    await waitUntil(() => peers[1]?.closeSignal.aborted === true, 'its close is noticed');
    assert.deepEqual(ipc.errors(), []);
  });
});
