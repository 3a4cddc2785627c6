import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { encodeFrame } from '../../src/protocol/frames.ts';
import { minTtlAtMostMs } from '../../src/protocol/messages.ts';
import { rawPeer } from '../support/raw-peer.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

const clients = 50;
const inFlight = 20;
/** More than the token in hand has left. */
const longest = minTtlAtMostMs;

/** Asks on one connection, always with so many questions under way, until it is closed. */
function busyClient(socketPath: string): {
  readonly ids: number[];
  rest: string;
  readonly closed: Promise<void>;
} {
  const socket = connect(socketPath).setEncoding('utf8');
  let lastId = 0;
  const ask = (): void => {
    lastId += 1;
    socket.write(encodeFrame({ v: 1, id: lastId, method: 'token' }));
  };
  for (let n = 0; n < inFlight; n += 1) ask();
  const ids: number[] = [];
  const client = {
    ids,
    rest: '',
    closed: new Promise<void>((resolve) => void socket.once('close', () => resolve())),
  };
  socket.on('error', () => undefined); // What is asked when nobody reads any more.
  socket.on('data', (piece: string) => {
    const frames = (client.rest + piece).split('\f');
    client.rest = frames.pop() ?? '';
    for (const frame of frames) {
      const { data } = JSON.parse(frame) as {
        readonly data: { readonly id: number; readonly result?: object };
      };
      assert.ok(data.result, frame);
      ids.push(data.id);
      ask();
    }
  });
  return client;
}

describe('a daemon that is told to stop while many ask', () => {
  let house: RunningHouse;

  before(async () => {
    house = await startHouse({ store: 'memory', logLevel: 'info' });
    await house.startDaemon();
    await house.iamToken(['login', '--stdin'], oauthToken);
  });
  after(() => house.stop());

  it('ends within a second, and leaves no answer out and none by half', async () => {
    house.emulator.setFault({ kind: 'hang' });
    const waiting = await Promise.all(Array.from({ length: clients }, () => rawPeer(house.socketPath)));
    for (const peer of waiting) peer.send({ v: 1, id: 1, method: 'token', params: { minTtlMs: longest } });
    const busy = Array.from({ length: clients }, () => busyClient(house.socketPath));
    await until(() => busy.every(({ ids }) => ids.length > inFlight), 'all are being answered');
    assert.ok((await house.stopDaemon()) < 1_000);
    await Promise.all([...busy.map(({ closed }) => closed), ...waiting.map(({ gone }) => gone)]);
    // Those who waited for IAM are told that they do not any more.
    for (const peer of waiting) assert.equal(peer.untaken(), 1);
    for (const { ids, rest } of busy) {
      assert.equal(rest, '');
      assert.deepEqual(
        ids,
        ids.map((_, index) => index + 1),
      );
    }
  });
});
