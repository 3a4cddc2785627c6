import assert from 'node:assert/strict';
import { callDaemon, fetchProfileStatus } from '../../support/daemon/call-daemon.ts';
import { hour, minute } from '../../support/time/durations.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

for (const [offsetMs, expectedText] of [
  [3.5 * hour, '3 h (29|30) min behind'],
  [-20.5 * hour, '20 h 30 min ahead'],
] as const) {
  describe(`daemon, with the clock of IAM ${offsetMs / hour} h ahead`, () => {
    let testEnv: TestEnvironment;

    before(async () => {
      testEnv = await startTestEnvironment({
        store: 'memory',
        lifetimeMs: 2 * hour,
        config: 'metadata: { listen: 127.0.0.1:0 }\n',
      });
      testEnv.emulator.clockOffsetMs = offsetMs;
      await testEnv.startDaemon();
      assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    });
    after(() => testEnv.stop());

    it('serves valid tokens, and computes their lifetime correctly', async () => {
      const callsBefore = testEnv.emulator.countRequests('POST /iam/v1/tokens');
      const { result } = await callDaemon(testEnv.socketPath, 'token', { minTtlMs: hour });
      assert.ok(result !== undefined);
      const { timeLeftMs } = await fetchProfileStatus(testEnv.socketPath);
      assert.ok(timeLeftMs !== null && timeLeftMs > hour && timeLeftMs < 2 * hour + minute);
      assert.equal(testEnv.emulator.countRequests('POST /iam/v1/tokens'), callsBefore);
      const clouds = await fetch(`${testEnv.emulator.url}/resource-manager/v1/clouds`, {
        headers: { Authorization: `Bearer ${result.token}` },
      });
      assert.equal(clouds.status, 200);
    });

    it('returns the clock offset with a token, and the correct lifetime at the metadata address', async () => {
      const { result } = await callDaemon(testEnv.socketPath, 'token', {});
      assert.ok(Math.abs((result?.clockOffsetMs ?? 0) - offsetMs) < minute);
      const { result: status } = await callDaemon(testEnv.socketPath, 'status', {});
      const path = '/computeMetadata/v1/instance/service-accounts/default/token';
      const response = await fetch(`http://${status?.daemon.metadataAddress}${path}`, {
        headers: { 'Metadata-Flavor': 'Google' },
      });
      const { expires_in: expiresInSeconds } = (await response.json()) as { expires_in: number };
      assert.ok(
        expiresInSeconds > hour / 1_000 && expiresInSeconds < (2 * hour + minute) / 1_000,
        String(expiresInSeconds),
      );
    });

    it('A10: dates the keys for AWS tools by the local clock', async () => {
      const { stdout } = await testEnv.iamToken(['aws-credential-process']);
      const { Expiration: expiration } = JSON.parse(stdout) as { readonly Expiration: string };
      const timeLeftMs = Date.parse(expiration) - Date.now();
      assert.ok(timeLeftMs > hour && timeLeftMs < 2 * hour + minute, expiration);
    });

    it('shows the offset in status', async () => {
      const { clockOffsetMs } = await fetchProfileStatus(testEnv.socketPath);
      assert.ok(Math.abs(clockOffsetMs - offsetMs) < minute, String(clockOffsetMs));
      const { stdout } = await testEnv.iamToken(['status']);
      assert.match(stdout, new RegExp(`\\n  clock +${expectedText}( of)? Yandex Cloud\\n`));
    });

    it('names the offset in the hint of a failure', async () => {
      testEnv.emulator.setFault({ kind: 'unavailable' });
      const { stderr } = await testEnv.iamToken(['refresh']);
      assert.match(stderr, new RegExp(`hint: this machine's clock is ${expectedText}; correct it\\n`));
      testEnv.emulator.setFault(null);
    });
  });
}
