import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { encodeFrame } from '../../../src/protocol/envelope.ts';
import { maxMinTtlMs } from '../../../src/protocol/limits.ts';
import { connectRawPeer } from '../../support/daemon/raw-peer.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const clientCount = 50;
const requestsInFlight = 20;
/** Longer than the remaining lifetime of the current token. */
const unreachableMinTtlMs = maxMinTtlMs;

/** Keeps the same number of requests pending on one connection, until it is closed. */
function startBusyClient(socketPath: string): {
  readonly ids: number[];
  partialFrame: string;
  readonly closed: Promise<void>;
} {
  const socket = connect(socketPath).setEncoding('utf8');
  let lastId = 0;
  const sendRequest = (): void => {
    lastId += 1;
    socket.write(encodeFrame({ v: 1, id: lastId, method: 'token' }));
  };
  for (let n = 0; n < requestsInFlight; n += 1) sendRequest();
  const ids: number[] = [];
  const client = {
    ids,
    partialFrame: '',
    closed: new Promise<void>((resolve) => void socket.once('close', () => resolve())),
  };
  socket.on('error', () => undefined); // Requests after the daemon stopped reading fail.
  socket.on('data', (chunk: string) => {
    const frames = (client.partialFrame + chunk).split('\f');
    client.partialFrame = frames.pop() ?? '';
    for (const frame of frames) {
      const { data } = JSON.parse(frame) as {
        readonly data: { readonly id: number; readonly result?: object };
      };
      assert.ok(data.result, frame);
      ids.push(data.id);
      sendRequest();
    }
  });
  return client;
}

describe('daemon stopped under load', () => {
  let testEnv: TestEnvironment;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', logLevel: 'info' });
    await testEnv.startDaemon();
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
  });
  after(() => testEnv.stop());

  it('exits within a second, and sends every response completely', async () => {
    testEnv.emulator.setFault({ kind: 'hang' });
    const waitingPeers = await Promise.all(
      Array.from({ length: clientCount }, () => connectRawPeer(testEnv.socketPath)),
    );
    for (const peer of waitingPeers)
      peer.send({ v: 1, id: 1, method: 'token', params: { minTtlMs: unreachableMinTtlMs } });
    const busyClients = Array.from({ length: clientCount }, () => startBusyClient(testEnv.socketPath));
    await waitUntil(
      () => busyClients.every(({ ids }) => ids.length > requestsInFlight),
      'all receive responses',
    );
    assert.ok((await testEnv.stopDaemon()) < 1_000);
    await Promise.all([
      ...busyClients.map(({ closed }) => closed),
      ...waitingPeers.map(({ closed }) => closed),
    ]);
    // Each request that waited for IAM gets an error.
    for (const peer of waitingPeers) assert.equal(peer.countQueuedFrames(), 1);
    for (const { ids, partialFrame } of busyClients) {
      assert.equal(partialFrame, '');
      assert.deepEqual(
        ids,
        ids.map((_, index) => index + 1),
      );
    }
  });
});
