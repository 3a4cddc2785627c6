import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { IpcServerOptions } from '../../src/adapters/node-ipc-server.ts';
import type { Peer } from '../../src/protocol/peer.ts';
import {
  createResult,
  echo,
  expectEcho,
  formatFrame,
  useIpcServer,
} from '../support/daemon/ipc-server-fixture.ts';

describe('createNodeIpcServer', () => {
  const ipc = useIpcServer();

  it('reports an error of the listening socket as such, not as that of a connection', async () => {
    const { socketListener } = await ipc.startServer();
    socketListener.servers[0]?.emit('error', new Error('accept EMFILE'));
    assert.deepEqual(ipc.errors(), ['cannot accept connections: accept EMFILE']);
    await expectEcho(await ipc.connectClient(), 1);
  });

  it('handles frames in one chunk, in many chunks, and several in one chunk', async () => {
    await ipc.startServer();
    const client = await ipc.connectClient();
    await expectEcho(client, 1);
    const frame = Buffer.from(`{"type":"iam-token","data":{"id":2,"ä€😀":"ä€😀"}}\f`);
    for (const byte of frame) client.write(Uint8Array.of(byte));
    assert.deepEqual(await client.nextData(), createResult(2, { id: 2, 'ä€😀': 'ä€😀' }));
    client.write(Buffer.concat([frame, frame, frame]));
    for (let i = 0; i < 3; i++)
      assert.deepEqual(await client.nextData(), createResult(2, { id: 2, 'ä€😀': 'ä€😀' }));
    assert.deepEqual(ipc.errors(), []);
  });

  it('accepts, marks and rejects peers by decideAccess, and reports the reason of a rejection', async () => {
    let accessDecision: ReturnType<NonNullable<IpcServerOptions['decideAccess']>> = { isOtherUser: true };
    const otherUserFlags: boolean[] = [];
    await ipc.startServer({
      decideAccess: () => accessDecision,
      onMessage: (data, from) => {
        otherUserFlags.push(from.isOtherUser);
        echo(data, from);
      },
    });
    await expectEcho(await ipc.connectClient(), 1);
    accessDecision = { isOtherUser: false };
    await expectEcho(await ipc.connectClient(), 2);
    accessDecision = { rejectionReason: 'it is not allowed' };
    const rejectedClient = await ipc.connectClient();
    rejectedClient.send({ id: 3 });
    await rejectedClient.closed;
    assert.equal(rejectedClient.countQueuedFrames(), 0);
    assert.deepEqual(otherUserFlags, [true, false]);
    assert.deepEqual(ipc.errors(), ['it is not allowed']);
  });

  it('opens its socket to the group in the options', async function () {
    const group = process.getuid?.() === 0 ? 61_234 : (process.getgid?.() ?? 0);
    await ipc.startServer({ group });
    const { gid, mode } = statSync(ipc.socketPath());
    assert.deepEqual([gid, mode & 0o777], [group, 0o660]);
  });

  it('creates its socket for the owner only from the start, and restores the umask', async () => {
    const umask = process.umask(0);
    try {
      const created = await ipc.createServer();
      const listening = created.listen();
      assert.equal(statSync(ipc.socketPath()).mode & 0o777, 0o600, 'before it listens');
      await listening;
      assert.equal(statSync(ipc.socketPath()).mode & 0o777, 0o600);
      assert.equal(process.umask(0), 0);
    } finally {
      process.umask(umask);
    }
  });

  it('rejects a path in use', async () => {
    await ipc.startServer();
    const second = await ipc.createServer();
    await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
    await expectEcho(await ipc.connectClient(), 1);
  });

  it('handles no further frame of a connection that it closes', async () => {
    const messages: unknown[] = [];
    await ipc.startServer({
      onMessage: (data, from) => {
        messages.push(data);
        echo(data, from);
      },
    });
    const client = await ipc.connectClient();
    client.write(`${formatFrame('null')}${formatFrame('{"id":1}')}${formatFrame('null')}`);
    await client.closed;
    assert.deepEqual(messages, [null]);
    assert.equal(ipc.errors().length, 1);
  });

  it('closes only the connection whose message cannot be handled', async () => {
    await ipc.startServer({
      onMessage: (data, from) => {
        if ((data as { readonly id: number }).id === 13) throw new Error('a bug');
        echo(data, from);
      },
    });
    const bystander = await ipc.connectClient();
    const client = await ipc.connectClient();
    client.send({ id: 13 });
    await client.closed;
    assert.deepEqual(ipc.errors(), ['a message could not be handled: a bug']);
    await expectEcho(bystander, 1);
  });

  it('applies the message timeout to each frame of a busy peer, not to all of them', async () => {
    await ipc.startServer({ messageTimeoutMs: 200 });
    const client = await ipc.connectClient();
    const completeFrame = formatFrame('{"id":1}');
    const startedMs = performance.now();
    client.write(completeFrame.slice(0, 10));
    let responses = 0;
    while (performance.now() < startedMs + 500) {
      client.write(completeFrame.slice(10) + completeFrame.slice(0, 10));
      assert.deepEqual(await client.nextData(), createResult(1, { id: 1 }));
      responses += 1;
    }
    assert.ok(responses > 2);
    assert.deepEqual(ipc.errors(), []);
  });

  it('keeps a peer that reads its responses, if fewer than 1 MiB are pending at once', async () => {
    await ipc.startServer();
    const client = await ipc.connectClient();
    const count = 1_000;
    client.write(Array.from({ length: count }, (_, id) => formatFrame(`{"id":${id},"fill":900}`)).join(''));
    for (let id = 0; id < count; id++) {
      assert.equal(((await client.nextData()) as { readonly id: number }).id, id);
    }
    assert.deepEqual(ipc.errors(), []);
  });

  it('answers a peer that has ended its side of the connection', async () => {
    await ipc.startServer();
    const client = await ipc.connectClient();
    client.socket.end(formatFrame('{"id":1}'));
    assert.deepEqual(await client.nextData(), createResult(1, { id: 1 }));
    await client.closed;
  });

  it('drops a response to a closed connection', async () => {
    let latePeer: Peer | undefined;
    await ipc.startServer({ onMessage: (_data, from) => (latePeer = from) });
    const client = await ipc.connectClient();
    client.send({});
    while (latePeer === undefined) await new Promise((resolve) => setImmediate(resolve));
    const closed = once(latePeer.closeSignal, 'abort');
    client.socket.destroy();
    await closed;
    latePeer.send(createResult(1, {}));
    assert.deepEqual(ipc.errors(), []);
  });

  it('aborts only the close signal of the peer whose connection closes', async () => {
    const peers: Peer[] = [];
    await ipc.startServer({
      onMessage: (data, from) => {
        peers.push(from);
        echo(data, from);
      },
    });
    const client = await ipc.connectClient();
    await expectEcho(client, 1);
    await expectEcho(await ipc.connectClient(), 2);
    const [closing, open] = peers;
    assert.ok(closing !== undefined && open !== undefined);
    const closed = once(closing.closeSignal, 'abort');
    client.socket.destroy();
    await closed;
    assert.equal(open.closeSignal.aborted, false);
  });

  it('has an aborted close signal for a peer that is first asked for it after its connection closed', async () => {
    const peers: Peer[] = [];
    const serverSockets: Socket[] = [];
    await ipc.startServer({
      decideAccess: (socket) => {
        serverSockets.push(socket);
        return { isOtherUser: false };
      },
      onMessage: (data, from) => {
        peers.push(from);
        echo(data, from);
      },
    });
    const client = await ipc.connectClient();
    await expectEcho(client, 1);
    const [serverSocket] = serverSockets;
    assert.ok(serverSocket !== undefined);
    const closed = once(serverSocket, 'close');
    client.socket.destroy();
    await closed;
    assert.equal(peers[0]?.closeSignal.aborted, true);
  });

  it('serves 2,000 connections at once', async () => {
    await ipc.startServer();
    const all = await Promise.all(Array.from({ length: 2_000 }, () => ipc.connectClient()));
    await Promise.all(all.map((client, id) => expectEcho(client, id)));
    for (const { socket } of all.slice(0, 1_999)) socket.destroy();
    await Promise.all(all.slice(0, 1_999).map(({ closed }) => closed));
    const [last] = all.slice(-1);
    if (last !== undefined) await expectEcho(last, 1);
    assert.deepEqual(ipc.errors(), []);
  });
});
