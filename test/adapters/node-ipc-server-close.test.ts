import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import type { IpcServer } from '../../src/adapters/node-ipc-server.ts';
import type { Peer } from '../../src/protocol/peer.ts';
import { createResult, expectEcho, useIpcServer } from '../support/daemon/ipc-server-fixture.ts';

describe('createNodeIpcServer, on close', () => {
  const ipc = useIpcServer();

  async function expectCloseWithinASecond(server: IpcServer): Promise<void> {
    const startedMs = performance.now();
    await server.close();
    assert.ok(performance.now() - startedMs < 1_000);
  }

  it('sends the last responses, accepts no new peer and removes its socket', async () => {
    let first: Peer | undefined;
    const server = await ipc.startServer({ onMessage: (_data, from) => (first = from) });
    const client = await ipc.connectClient();
    client.send({});
    while (first === undefined) await new Promise((resolve) => setImmediate(resolve));
    for (let id = 0; id < 10; id++) first.send(createResult(id, 'x'.repeat(60_000)));
    const closed = expectCloseWithinASecond(server);
    assert.equal(existsSync(ipc.socketPath()), false);
    for (let id = 0; id < 10; id++) {
      assert.equal(((await client.nextData()) as { readonly id: number }).id, id);
    }
    await client.closed;
    await closed;
    await assert.rejects(once(connect(ipc.socketPath()), 'connect'), { code: 'ENOENT' });
  });

  it('does not wait for an idle peer', async () => {
    const server = await ipc.startServer();
    for (let i = 0; i < 10; i++) await expectEcho(await ipc.connectClient(), i);
    await expectCloseWithinASecond(server);
  });

  it('does not wait for a peer that keeps sending', async () => {
    const server = await ipc.startServer();
    const client = await ipc.connectClient();
    await expectEcho(client, 1);
    const writeTimer = setInterval(() => client.write('{'), 20);
    try {
      await expectCloseWithinASecond(server);
    } finally {
      clearInterval(writeTimer);
    }
  });

  it('does not wait for a peer that does not read', async () => {
    const server = await ipc.startServer();
    const client = await ipc.connectClient();
    client.socket.pause();
    for (let i = 0; i < 10; i++) client.send({ id: i, fill: 60_000 });
    await expectEcho(await ipc.connectClient(), 1);
    await expectCloseWithinASecond(server);
  });
});
