import assert from 'node:assert/strict';
import { callDaemon, fetchProfileStatus } from '../../support/daemon/call-daemon.ts';
import { hour } from '../../support/time/durations.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const everySecondConfig = 'refresh: { schedule: "* * * * * *" }\n';

describe('rejected credential', () => {
  let testEnv: TestEnvironment;

  async function startAndLogIn(config: string): Promise<void> {
    testEnv = await startTestEnvironment({ store: 'memory', config });
    testEnv.emulator.lifetimeMs = 11 * hour;
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  }
  afterEach(() => testEnv.stop());

  const countCalls = (): number => testEnv.emulator.countRequests('POST /iam/v1/tokens');
  const countCallsWithStatus = (status: number): number =>
    testEnv.emulator.listRequests().filter((call) => call.status === status).length;
  const callToken = (minTtlMs: number) => callDaemon(testEnv.socketPath, 'token', { minTtlMs });

  it('causes no exchange until a login after a permanent rejection (401, code 16)', async () => {
    await startAndLogIn('');
    testEnv.emulator.revokeOauthToken(oauthToken);
    const { code, stderr } = await testEnv.iamToken(['refresh']);
    assert.equal(code, 4);
    assert.match(
      stderr,
      /error: the OAuth token is invalid or has expired\n.*hint: use an OAuth token issued before 1 June 2026: iam-token login --oauth\n/,
    );

    const callsBefore = countCalls();
    for (let round = 0; round < 20; round += 1) {
      const { result } = await callToken(0);
      assert.ok(result !== undefined, 'the current token is still served');
      assert.equal(result.warning?.code, 'login_required');
      assert.ok((await callToken(12 * hour)).error !== undefined);
    }
    const status = await fetchProfileStatus(testEnv.socketPath);
    assert.deepEqual(
      [status.state, status.problem?.code, status.nextRenewalAt],
      ['login_required', 'login_required', null],
    );
    assert.equal(countCalls(), callsBefore);

    testEnv.emulator.allowOauthToken({ token: oauthToken });
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    assert.equal(countCalls(), callsBefore + 1);
    assert.equal((await fetchProfileStatus(testEnv.socketPath)).state, 'ok');
    assert.equal((await callToken(0)).result?.warning, undefined);
  });

  it('has a hint with the name of its profile', async () => {
    await startAndLogIn('');
    const otherToken = 'y0_AgAAAAAotheraccount0123456789';
    const login = ['login', '--profile', 'my other', '--stdin'];
    const hint = ": iam-token login --profile='my other' --oauth\n";
    assert.ok((await testEnv.iamToken(login, otherToken)).stderr.includes(hint), 'IAM rejects the login');
    testEnv.emulator.allowOauthToken({ token: otherToken });
    assert.equal((await testEnv.iamToken(login, otherToken)).code, 0);
    testEnv.emulator.revokeOauthToken(otherToken);
    assert.ok((await testEnv.iamToken(['refresh', '--profile', 'my other'])).stderr.includes(hint));
    await testEnv.iamToken(['use', 'my other']);
    const defaultProfileResult = await testEnv.iamToken(['refresh']);
    assert.match(defaultProfileResult.stderr, /hint: .*: iam-token login --oauth\n/);
  });

  it('is not retried by the schedule, which still renews the other profiles', async () => {
    await startAndLogIn(everySecondConfig);
    const otherToken = 'y0_AgAAAAotheraccount0123456789';
    testEnv.emulator.allowOauthToken({ token: otherToken });
    await testEnv.iamToken(['login', '--profile', 'other', '--stdin'], otherToken);
    testEnv.emulator.revokeOauthToken(oauthToken);
    await waitUntil(() => countCallsWithStatus(401) > 0, 'IAM rejects one of them');
    const renewalsBefore = countCallsWithStatus(200);
    await waitUntil(() => countCallsWithStatus(200) >= renewalsBefore + 3, 'the schedule fires three times');
    assert.equal(countCallsWithStatus(401), 1);
  });

  it('is retried by the schedule after a missing role (403, code 7)', async () => {
    await startAndLogIn(everySecondConfig);
    testEnv.emulator.setFault({ kind: 'status', code: 7, message: 'Permission denied' });
    await waitUntil(() => countCallsWithStatus(403) >= 3, 'the schedule fires three times');
    assert.equal((await fetchProfileStatus(testEnv.socketPath)).state, 'login_required');
    testEnv.emulator.setFault(null);
    await waitUntil(
      async () => (await fetchProfileStatus(testEnv.socketPath)).state === 'ok',
      'the daemon has recovered',
    );
  });

  it('is not inferred from the 403 page of a proxy, which causes a retry', async () => {
    await startAndLogIn('');
    testEnv.emulator.setFault({ kind: 'html' }, 1);
    const { code, stderr } = await testEnv.iamToken(['refresh']);
    assert.equal(code, 5);
    assert.match(
      stderr,
      /error: unexpected response from IAM .*: HTTP 403 with a web page, probably from a proxy/,
    );
    await waitUntil(
      async () => (await fetchProfileStatus(testEnv.socketPath)).state === 'ok',
      'the daemon has retried',
    );
    assert.equal(countCalls(), 3);
  });
});
