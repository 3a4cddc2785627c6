import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { encodeFrame, type EventMessage } from '../../../src/protocol/envelope.ts';
import { type RawPeer, connectRawPeer } from '../../support/daemon/raw-peer.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

describe('subscribe', () => {
  let testEnv: TestEnvironment;
  const subscribers: RawPeer[] = [];
  let slowSubscriber: Socket | undefined;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    for (let index = 0; index < 50; index += 1) {
      const subscriber = await connectRawPeer(testEnv.socketPath);
      subscriber.send({ v: 1, id: 1, method: 'subscribe', params: {} });
      assert.deepEqual(await subscriber.nextData(), { v: 1, id: 1, result: {} });
      subscribers.push(subscriber);
    }
  });
  after(async () => {
    for (const { socket } of subscribers) socket.destroy();
    slowSubscriber?.destroy();
    await testEnv.stop();
  });

  async function assertAllReceive(event: EventMessage['event']): Promise<void> {
    const messages = (await Promise.all(
      subscribers.map((subscriber) => subscriber.nextData()),
    )) as EventMessage[];
    assert.deepEqual(new Set(messages.map((message) => message.event)), new Set([event]));
    assert.deepEqual(new Set(messages.map(({ params }) => params.profile)), new Set(['default']));
  }

  it('notifies each of 50 subscribers of a new token', async () => {
    await testEnv.iamToken(['refresh']);
    await assertAllReceive('rotated');
  });

  it('notifies them of a failed renewal', async () => {
    testEnv.emulator.setFault({ kind: 'unavailable' }, 1);
    await testEnv.iamToken(['refresh']);
    await assertAllReceive('failing');
    // By the retry.
    await assertAllReceive('rotated');
  });

  it('notifies them that a login is required', async () => {
    testEnv.emulator.revokeOauthToken(oauthToken);
    await testEnv.iamToken(['refresh']);
    await assertAllReceive('login_required');
  });

  it('notifies all others while a subscriber does not read', async () => {
    const socket = connect(testEnv.socketPath);
    slowSubscriber = socket;
    socket.pause();
    socket.on('error', () => undefined); // The daemon may disconnect it.
    socket.write(encodeFrame({ v: 1, id: 0, method: 'subscribe' }));
    socket.write(encodeFrame({ v: 1, id: 1, method: 'status' }).repeat(2_000));
    testEnv.emulator.allowOauthToken({ token: oauthToken });
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    await assertAllReceive('rotated');
  });
});
