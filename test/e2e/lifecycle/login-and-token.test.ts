import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

describe('login and token, with a real keyring and a real HTTP service', () => {
  let testEnv: TestEnvironment;

  before(async () => {
    testEnv = await startTestEnvironment();
    await testEnv.startDaemon();
  });
  after(() => testEnv.stop());

  it('exits with 4 before the first login', async () => {
    const { stdout, stderr, code } = await testEnv.iamToken();
    assert.deepEqual(
      { stdout, stderr, code },
      {
        stdout: '',
        stderr: 'iam-token: error: not logged in\niam-token: hint: iam-token login\n',
        code: 4,
      },
    );
  });

  it('logs in with an OAuth token from stdin, and prints the subject', async () => {
    const { stdout, code } = await testEnv.iamToken(['login', '--oauth', '--stdin'], `${oauthToken}\n`);
    assert.equal(code, 0);
    assert.match(stdout, /^logged in as aje[a-z0-9]{17}; /);
  });

  it('prints only the token and a newline, without another exchange', async () => {
    const before = testEnv.emulator.countRequests('POST /iam/v1/tokens');
    const { stdout, stderr, code } = await testEnv.iamToken();
    assert.match(stdout, /^t1\.[\w-]+={0,2}\.[\w-]{86}\n$/);
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    assert.equal(testEnv.emulator.countRequests('POST /iam/v1/tokens'), before);
  });

  it('prints a token that the service accepts', async () => {
    const { stdout } = await testEnv.iamToken();
    const clouds = await fetch(`${testEnv.emulator.url}/resource-manager/v1/clouds`, {
      headers: { Authorization: `Bearer ${stdout.trim()}` },
    });
    assert.equal(clouds.status, 200);
    const { clouds: list } = (await clouds.json()) as { readonly clouds: readonly unknown[] };
    assert.notEqual(list.length, 0);
  });

  it('reports no failure in doctor, and no warning but the end of OAuth tokens', async () => {
    const { stdout, code } = await testEnv.iamToken(['doctor']);
    assert.doesNotMatch(stdout, /^(?:failed|warning(?! +profile default +token valid .*June 2026))/m);
    assert.equal(code, 0);
  });

  it('creates its socket for the user only', () => {
    assert.equal(lstatSync(testEnv.socketPath).mode & 0o777, 0o600);
  });

  it('rejects an OAuth token that IAM rejects, and keeps the credential in use', async () => {
    const { stderr, code } = await testEnv.iamToken(
      ['login', '--stdin'],
      'y0_AgAAAAunknownaccount0123456789\n',
    );
    assert.equal(code, 4);
    assert.match(stderr, /^iam-token: error: the OAuth token is invalid or has expired\niam-token: hint: /);
    assert.equal((await testEnv.iamToken()).code, 0);
  });

  for (const [name, token, expectedError] of [
    ['empty', '', /the OAuth token is empty/],
    ['not free of spaces', 'y0_AgAAAA with space', /space/],
    ['longer than 4,000 characters', `y0_${'a'.repeat(4_000)}`, /4,000/],
  ] as const) {
    it(`rejects an OAuth token that is ${name} without an exchange`, async () => {
      const before = testEnv.emulator.countRequests('POST /iam/v1/tokens');
      const { stderr, code } = await testEnv.iamToken(['login', '--stdin'], `${token}\n`);
      assert.equal(code, 2);
      assert.match(stderr, expectedError);
      assert.equal(testEnv.emulator.countRequests('POST /iam/v1/tokens'), before);
    });
  }

  it('renews the token on refresh', async () => {
    const before = (await testEnv.iamToken()).stdout;
    assert.equal((await testEnv.iamToken(['refresh'])).code, 0);
    assert.notEqual((await testEnv.iamToken()).stdout, before);
  });

  it('serves several profiles, each with its own token', async () => {
    const otherToken = 'y0_AgAAAAotheraccount0123456789';
    testEnv.emulator.allowOauthToken({ token: otherToken });
    assert.equal((await testEnv.iamToken(['login', '--profile', 'work', '--stdin'], otherToken)).code, 0);
    const [mine, work] = await Promise.all([testEnv.iamToken(), testEnv.iamToken(['--profile', 'work'])]);
    assert.notEqual(mine.stdout, work.stdout);
    assert.equal((await testEnv.iamToken(['use', 'work'])).code, 0);
    assert.equal((await testEnv.iamToken()).stdout, work.stdout);
    assert.equal((await testEnv.iamToken(['use', 'default'])).code, 0);
    assert.equal((await testEnv.iamToken(['--profile', 'missing'])).code, 7);
  });

  it('serves the same token after a restart without IAM, from the keyring', async () => {
    const before = (await testEnv.iamToken()).stdout;
    await testEnv.stopDaemon();
    testEnv.emulator.setFault({ kind: 'cut', atByte: 0, of: 'answer' });
    await testEnv.startDaemon();
    const { stdout, code } = await testEnv.iamToken();
    assert.equal(code, 0);
    assert.equal(stdout, before);
    testEnv.emulator.setFault(null);
  });

  it('exits within a second of SIGTERM', async () => {
    const tookMs = await testEnv.stopDaemon();
    assert.ok(tookMs < 1_000, `it took ${tookMs} ms`);
    const { stderr, code } = await testEnv.iamToken();
    assert.equal(code, 3);
    assert.match(stderr, /hint: iam-tokend &/);
  });

  it('removes the credential at logout', async () => {
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['logout'])).code, 0);
    assert.equal((await testEnv.iamToken()).code, 7);
    assert.equal((await testEnv.iamToken(['logout', '--profile', 'work'])).code, 0);
    assert.equal((await testEnv.iamToken()).code, 4);
  });
});
