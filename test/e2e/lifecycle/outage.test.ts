import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../../emulator/faults.ts';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { callDaemon, fetchProfileStatus } from '../../support/daemon/call-daemon.ts';
import { minute, second } from '../../support/time/durations.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const exchangeCall = 'POST /iam/v1/tokens';

const outages: readonly (readonly [string, Fault])[] = [
  ['responds with 503', { kind: 'unavailable' }],
  ['closes the connection', { kind: 'cut', of: 'answer', atByte: 0 }],
  ['truncates its response', { kind: 'cut', atByte: 10 }],
  ['hangs', { kind: 'hang' }],
  ['hangs in the middle of its response', { kind: 'hang_in_body' }],
  ['sends invalid JSON', { kind: 'junk' }],
  ['is replaced by the page of a proxy', { kind: 'html' }],
];

for (const [description, fault] of outages) {
  describe(`daemon, while IAM ${description}`, () => {
    let testEnv: TestEnvironment;
    let token: string;

    before(async () => {
      testEnv = await startTestEnvironment({ store: 'memory' });
      const pid = await testEnv.startDaemon();
      await testEnv.iamToken(['login', '--stdin'], oauthToken);
      token = (await testEnv.iamToken()).stdout.trim();
      // Not before: the first exchange of a daemon may be slow on a busy machine.
      writeFileSync(join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'), 'iam: { timeout: 300ms }\n');
      process.kill(pid, 'SIGHUP');
      await waitUntil(() => testEnv.readLog().includes('reloaded the configuration'), 'the timeout applies');
      testEnv.emulator.setFault(fault);
    });
    after(() => testEnv.stop());

    const countCalls = (): number => testEnv.emulator.countRequests(exchangeCall);
    const callRefresh = () => callDaemon(testEnv.socketPath, 'refresh', {});
    async function assertFiftyClientsServed(): Promise<void> {
      const responses = await Promise.all(
        Array.from({ length: 50 }, () => callDaemon(testEnv.socketPath, 'token', {})),
      );
      assert.deepEqual(
        new Set(responses.map(({ result }) => result?.token)),
        new Set([token]),
        'each gets the current token',
      );
    }

    it('serves its token to 50 clients at once, also during an exchange', async () => {
      let isRefreshDone = false;
      const refreshResponse = callRefresh().then((response) => {
        isRefreshDone = true;
        return response;
      });
      await waitUntil(() => countCalls() > 1, 'an exchange has started');
      await assertFiftyClientsServed();
      if (fault.kind === 'hang') assert.ok(!isRefreshDone, 'no client waits for IAM');
      assert.equal((await refreshResponse).error?.code, 'unavailable');
      await assertFiftyClientsServed();
    });

    it('retries by itself', async () => {
      await waitUntil(() => countCalls() > 2, 'a retry has started');
    });

    it('starts no exchange for a request before the next scheduled attempt', async () => {
      // Each failure increases the backoff, until the next attempt is far enough away to observe the wait.
      await waitUntil(
        async () =>
          retryAtMs(await fetchProfileStatus(testEnv.socketPath)) > Date.now() + minute ||
          !(await callRefresh()),
        'the next attempt is far away',
      );
      const statusBefore = await fetchProfileStatus(testEnv.socketPath);
      for (let round = 0; round < 3; round += 1) await assertFiftyClientsServed();
      const statusAfter = await fetchProfileStatus(testEnv.socketPath);
      assert.equal(statusAfter.attemptsInHour, statusBefore.attemptsInHour);
      assert.equal(countCalls(), statusAfter.attemptsInHour, 'status counts the exchanges');
      assert.ok(
        Math.abs(retryAtMs(statusAfter) - retryAtMs(statusBefore)) < second,
        'the next attempt was not postponed',
      );
    });

    it('shows the problem, its start, the number of failures and the lifetime of the token in status', async () => {
      const { state, trouble, problem, timeLeftMs } = await fetchProfileStatus(testEnv.socketPath);
      assert.equal(state, 'failing');
      assert.equal(problem?.code, 'unavailable');
      assert.equal(trouble?.count, countCalls() - 1);
      assert.ok(trouble !== null && trouble.since <= trouble.lastAt);
      assert.ok(timeLeftMs !== null && timeLeftMs > 11 * 60 * minute);
    });

    it('recovers with the first refresh once IAM is back', async () => {
      testEnv.emulator.setFault(null);
      await waitUntil(async () => (await callRefresh()).result !== undefined, 'the token is renewed');
      const { state, trouble } = await fetchProfileStatus(testEnv.socketPath);
      assert.deepEqual({ state, trouble }, { state: 'ok', trouble: null });
    });
  });
}

function retryAtMs({ nextRenewalAt }: ProfileStatus): number {
  return Date.parse(nextRenewalAt ?? '');
}
