import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { encodeFrame } from '../../src/protocol/frames.ts';
import type { EventMessage } from '../../src/protocol/messages.ts';
import { type RawPeer, rawPeer } from '../support/raw-peer.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

describe('subscribe', () => {
  let house: RunningHouse;
  const watchers: RawPeer[] = [];
  let slow: Socket | undefined;

  before(async () => {
    house = await startHouse({ store: 'memory' });
    await house.startDaemon();
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    for (let index = 0; index < 50; index += 1) {
      const watcher = await rawPeer(house.socketPath);
      watcher.send({ v: 1, id: 1, method: 'subscribe', params: {} });
      assert.deepEqual(await watcher.next(), { v: 1, id: 1, result: {} });
      watchers.push(watcher);
    }
  });
  after(async () => {
    for (const { socket } of watchers) socket.destroy();
    slow?.destroy();
    await house.stop();
  });

  async function eachHears(event: EventMessage['event']): Promise<void> {
    const heard = (await Promise.all(watchers.map((watcher) => watcher.next()))) as EventMessage[];
    assert.deepEqual(new Set(heard.map((message) => message.event)), new Set([event]));
    assert.deepEqual(new Set(heard.map(({ params }) => params.profile)), new Set(['default']));
  }

  it('tells each of 50 watchers of a new token', async () => {
    await house.iamToken(['refresh']);
    await eachHears('rotated');
  });

  it('and of a failure', async () => {
    house.emulator.setFault({ kind: 'unavailable' }, 1);
    await house.iamToken(['refresh']);
    await eachHears('failing');
    // By the retry.
    await eachHears('rotated');
  });

  it('and of a refusal', async () => {
    house.emulator.revokeOauthToken(oauthToken);
    await house.iamToken(['refresh']);
    await eachHears('login_required');
  });

  it('cuts off one who never reads, and the others hear on', async () => {
    const socket = connect(house.socketPath);
    slow = socket;
    socket.pause();
    const request = encodeFrame({ v: 1, id: 1, method: 'status' });
    socket.write(encodeFrame({ v: 1, id: 0, method: 'subscribe' }));
    socket.on('error', () => undefined); // being cut off is what this is for
    // What lies unread for it grows with each answer, until it is too much.
    await until(() => {
      if (socket.writable) socket.write(request.repeat(100));
      return house.log().includes('closed a connection');
    }, 'it is cut off');
    house.emulator.allowOauthToken({ token: oauthToken });
    await house.iamToken(['login', '--stdin'], oauthToken);
    await eachHears('rotated');
  });
});
