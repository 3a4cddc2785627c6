import assert from 'node:assert/strict';
import { askDaemon } from '../support/ask-daemon.ts';
import { minute, second } from '../support/durations.ts';
import { rawPeer } from '../support/raw-peer.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';
import type { TokenAnswer } from '../../src/protocol/messages.ts';

describe('a daemon that stood still for longer than its token lives', () => {
  let house: RunningHouse;
  let pid: number;

  before(async () => {
    // A minute of it is not served.
    house = await startHouse({ store: 'memory', lifetimeMs: minute + 3 * second });
    pid = await house.startDaemon();
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  });
  after(() => house.stop());

  it('gives a new token first of all, to everybody who asked meanwhile', async () => {
    house.emulator.setFault({ kind: 'unavailable' });
    const { result: old } = await askDaemon(house.socketPath, 'token', {});
    process.kill(pid, 'SIGSTOP');
    assert.ok(old !== undefined);
    const peers = await Promise.all(Array.from({ length: 20 }, () => rawPeer(house.socketPath)));
    for (const peer of peers) peer.send({ v: 1, id: 1, method: 'token' });
    await until(() => Date.now() > Date.parse(old.expiresAt) - minute, 'the token is dead', 10 * second);
    house.emulator.setFault(null);
    const before = house.emulator.count('POST /iam/v1/tokens');

    process.kill(pid, 'SIGCONT');
    const answers = (await Promise.all(peers.map((peer) => peer.next()))) as {
      readonly result: TokenAnswer;
    }[];
    for (const { result } of answers) {
      assert.notEqual(result.token, old.token);
      assert.ok(Date.parse(result.expiresAt) > Date.now() + minute);
    }
    assert.equal(house.emulator.count('POST /iam/v1/tokens'), before + 1);
    for (const { socket } of peers) socket.destroy();
  });
});
