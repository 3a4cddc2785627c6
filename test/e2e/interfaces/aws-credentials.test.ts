import assert from 'node:assert/strict';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

const keysCall = 'POST /iam/aws-compatibility/v1/ephemeralAccessKeys';

describe('iam-token aws-credential-process', () => {
  let testEnv: TestEnvironment;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
  });
  afterEach(() => testEnv.stop());

  const runCredentialProcess = () => testEnv.iamToken(['aws-credential-process']);

  it('prints the same keys until logout', async () => {
    assert.equal((await runCredentialProcess()).code, 4);
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const firstResult = await runCredentialProcess();
    assert.deepEqual([firstResult.stderr, firstResult.code], ['', 0]);
    const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration } = JSON.parse(
      firstResult.stdout,
    ) as Record<string, string | number>;
    assert.equal(Version, 1);
    assert.match([AccessKeyId, SecretAccessKey, SessionToken].join(' '), /^YCE\S+ YCM\S+ s1\.\S+$/);
    assert.ok(Date.parse(String(Expiration)) - Date.now() > 11 * 60 * 60_000);
    assert.deepEqual(await runCredentialProcess(), firstResult);
    assert.equal(testEnv.emulator.countRequests(keysCall), 1);
    assert.ok(!testEnv.readLog().includes(String(SecretAccessKey)), 'the log has no key');

    assert.match(
      (await testEnv.iamToken(['logout', '--revoke'])).stderr,
      /the access keys of Object Storage stay valid until /,
    );
    assert.equal((await runCredentialProcess()).code, 4);
  });

  it('prints no keys while the daemon is locked, and new keys afterwards', async () => {
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    const firstResult = await runCredentialProcess();
    await testEnv.iamToken(['lock']);
    assert.deepEqual([(await runCredentialProcess()).stdout, (await runCredentialProcess()).code], ['', 6]);
    await testEnv.iamToken(['unlock']);
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const secondResult = await runCredentialProcess();
    assert.equal(secondResult.code, 0);
    assert.notEqual(secondResult.stdout, firstResult.stdout);
  });

  it('exits with 5 while IAM is unreachable', async () => {
    await testEnv.iamToken(['login', '--stdin'], oauthToken);
    testEnv.emulator.setFault({ kind: 'unavailable' });
    const { stdout, code } = await runCredentialProcess();
    assert.deepEqual([stdout, code], ['', 5]);
  });
});
