import assert from 'node:assert/strict';
import { callDaemon } from '../../support/daemon/call-daemon.ts';
import { minute, second } from '../../support/time/durations.ts';
import { connectRawPeer } from '../../support/daemon/raw-peer.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { TokenResult } from '../../../src/protocol/method-types.ts';

describe('daemon suspended for longer than the lifetime of its token', () => {
  let testEnv: TestEnvironment;
  let pid: number;

  before(async () => {
    // The daemon does not serve a token in its last minute.
    testEnv = await startTestEnvironment({ store: 'memory', lifetimeMs: minute + 3 * second });
    pid = await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  });
  after(() => testEnv.stop());

  it('answers every request from that time with a new token', async () => {
    testEnv.emulator.setFault({ kind: 'unavailable' });
    const { result: oldToken } = await callDaemon(testEnv.socketPath, 'token', {});
    process.kill(pid, 'SIGSTOP');
    assert.ok(oldToken !== undefined);
    const peers = await Promise.all(Array.from({ length: 20 }, () => connectRawPeer(testEnv.socketPath)));
    for (const peer of peers) peer.send({ v: 1, id: 1, method: 'token' });
    await waitUntil(
      () => Date.now() > Date.parse(oldToken.expiresAt) - minute,
      'the token has expired',
      10 * second,
    );
    testEnv.emulator.setFault(null);
    const callsBefore = testEnv.emulator.countRequests('POST /iam/v1/tokens');

    process.kill(pid, 'SIGCONT');
    const responses = (await Promise.all(peers.map((peer) => peer.nextData()))) as {
      readonly result: TokenResult;
    }[];
    for (const { result } of responses) {
      assert.notEqual(result.token, oldToken.token);
      assert.ok(Date.parse(result.expiresAt) > Date.now() + minute);
    }
    assert.equal(testEnv.emulator.countRequests('POST /iam/v1/tokens'), callsBefore + 1);
    for (const { socket } of peers) socket.destroy();
  });
});
