import assert from 'node:assert/strict';
import type { Peer } from '../../../src/protocol/peer.ts';
import {
  createResult,
  echo,
  expectEcho,
  formatFrame,
  useIpcServer,
} from '../../support/daemon/ipc-server-fixture.ts';

describe('createNodeIpcServer, with a peer that takes more than its share', () => {
  const ipc = useIpcServer();

  it('D2: reads no more from a peer that leaves its responses unread, and goes on once it reads', async () => {
    let handledCount = 0;
    await ipc.startServer({
      onMessage: (data, from) => {
        handledCount += 1;
        echo(data, from);
      },
    });
    const bystander = await ipc.connectClient();
    const client = await ipc.connectClient();
    client.socket.pause();
    const count = 200;
    for (let id = 0; id < count; id += 1) client.send({ id, fill: 60_000 });
    for (let n = 0; n < 200; n += 1) await expectEcho(bystander, n);
    assert.ok(handledCount < 250, `${handledCount - 200} responses are in memory`);
    client.socket.resume();
    for (let id = 0; id < count; id += 1)
      assert.equal(((await client.nextData()) as { readonly id: number }).id, id);
    assert.deepEqual(ipc.errors(), []);
  });

  it('disconnects a peer that leaves 1 MiB of events unread, and no other', async () => {
    const peers: Peer[] = [];
    await ipc.startServer({
      onMessage: (data, from) => {
        peers.push(from);
        echo(data, from);
      },
    });
    const subscriber = await ipc.connectClient();
    await expectEcho(subscriber, 1);
    const bystander = await ipc.connectClient();
    subscriber.socket.pause();
    while (ipc.errors().length === 0) {
      peers[0]?.send(createResult(2, 'x'.repeat(10_000)));
      await expectEcho(bystander, 1);
    }
    assert.match(ipc.errors().join(), /maxPendingBytes/);
    subscriber.socket.resume();
    await subscriber.closed;
    await expectEcho(bystander, 2);
  });

  it('D2: handles a request of another user before most of what a flood has sent', async () => {
    let uid = 1_001;
    let floodCount = 0;
    let floodCountAtRequest = Infinity;
    await ipc.startServer({
      decideAccess: () => ({ isOtherUser: true, uid }),
      onMessage: (data, from) => {
        if (from.uid === 1_001) floodCount += 1;
        else floodCountAtRequest = floodCount;
        echo(data, from);
      },
    });
    const flood = await Promise.all(Array.from({ length: 100 }, () => ipc.connectClient()));
    uid = 1_002;
    const other = await ipc.connectClient();
    for (const client of flood) client.write(formatFrame('{"id":1}').repeat(1_500));
    other.send({ id: 2 });
    assert.deepEqual(await other.nextData(), createResult(2, { id: 2 }));
    assert.ok(floodCountAtRequest < 15_000, `after ${floodCountAtRequest} of 150,000 requests`);
    for (const client of flood)
      for (let n = 0; n < 1_500; n += 1)
        assert.deepEqual(await client.nextData(), createResult(1, { id: 1 }));
    assert.deepEqual(ipc.errors(), []);
  });

  it('D2: admits the owner while another user has as many connections as it may', async () => {
    let decision = { isOtherUser: true, uid: 1_001 };
    await ipc.startServer({ decideAccess: () => decision });
    const flood = await Promise.all(Array.from({ length: 1_000 }, () => ipc.connectClient()));
    const rejectedClient = await ipc.connectClient();
    await rejectedClient.closed;
    assert.deepEqual(ipc.errors(), ['its user has 1000 connections']);
    decision = { isOtherUser: false, uid: 0 };
    await expectEcho(await ipc.connectClient(), 1);
    decision = { isOtherUser: true, uid: 1_002 };
    await expectEcho(await ipc.connectClient(), 2);
    const [first] = flood;
    first?.socket.destroy();
    await first?.closed;
    await expectEcho(await ipc.connectClient(), 3);
  });
});
