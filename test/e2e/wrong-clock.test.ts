import assert from 'node:assert/strict';
import { askDaemon, statusOf } from '../support/ask-daemon.ts';
import { hour, minute } from '../support/durations.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';

for (const [offsetMs, said] of [
  [3.5 * hour, '3 h (29|30) min behind'],
  [-20.5 * hour, '20 h 30 min ahead'],
] as const) {
  describe(`where the clock of IAM is ${offsetMs / hour} h ahead of ours`, () => {
    let house: RunningHouse;

    before(async () => {
      house = await startHouse({
        store: 'memory',
        lifetimeMs: 2 * hour,
        config: 'metadata: { listen: 127.0.0.1:0 }\n',
      });
      house.emulator.clockOffsetMs = offsetMs;
      await house.startDaemon();
      assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    });
    after(() => house.stop());

    it('tokens are served, and none is thought dead or immortal', async () => {
      const before = house.emulator.count('POST /iam/v1/tokens');
      const { result } = await askDaemon(house.socketPath, 'token', { minTtlMs: hour });
      assert.ok(result !== undefined);
      const { timeLeftMs } = await statusOf(house.socketPath);
      assert.ok(timeLeftMs !== null && timeLeftMs > hour && timeLeftMs < 2 * hour + minute);
      assert.equal(house.emulator.count('POST /iam/v1/tokens'), before);
      const clouds = await fetch(`${house.emulator.url}/resource-manager/v1/clouds`, {
        headers: { Authorization: `Bearer ${result.token}` },
      });
      assert.equal(clouds.status, 200);
    });

    it('tokens come with how far off it is, and from the metadata address with the time they have left', async () => {
      const { result } = await askDaemon(house.socketPath, 'token', {});
      assert.ok(Math.abs((result?.clockOffsetMs ?? 0) - offsetMs) < minute);
      const { result: status } = await askDaemon(house.socketPath, 'status', {});
      const path = '/computeMetadata/v1/instance/service-accounts/default/token';
      const answer = await fetch(`http://${status?.daemon.metadataAddress}${path}`, {
        headers: { 'Metadata-Flavor': 'Google' },
      });
      const { expires_in: leftS } = (await answer.json()) as { expires_in: number };
      assert.ok(leftS > hour / 1_000 && leftS < (2 * hour + minute) / 1_000, String(leftS));
    });

    it('status says so', async () => {
      const { clockOffsetMs } = await statusOf(house.socketPath);
      assert.ok(Math.abs(clockOffsetMs - offsetMs) < minute, String(clockOffsetMs));
      const { stdout } = await house.iamToken(['status']);
      assert.match(stdout, new RegExp(`\\n  clock +${said}( of)? the clock of Yandex Cloud\\n`));
    });

    it('and so does the hint of a failure', async () => {
      house.emulator.setFault({ kind: 'unavailable' });
      const { stderr } = await house.iamToken(['refresh']);
      assert.match(stderr, new RegExp(`hint: this machine's clock is ${said}: set it right\\n`));
      house.emulator.setFault(null);
    });
  });
}
