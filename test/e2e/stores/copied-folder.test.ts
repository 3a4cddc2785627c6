import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oauthToken, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type KeyringFixture, useKeyringFixture } from './keyring-fixture.ts';

const daemonProgram = fileURLToPath(new URL('../../../bin/iam-tokend.js', import.meta.url));

describe('A2: a copy of the configuration folder', () => {
  const fixture = useKeyringFixture();
  let testEnv: TestEnvironment;
  let listAccounts: KeyringFixture['listAccounts'];
  let waitForAccounts: KeyringFixture['waitForAccounts'];
  const environmentOfOriginal: Record<string, string> = {};
  let originalItems: readonly string[];

  /** Also stops the running daemon. */
  async function startDaemonOf(which: 'original' | 'copy'): Promise<void> {
    await testEnv.stopDaemon();
    const copy = join(testEnv.folder, 'copy');
    Object.assign(
      testEnv.environment,
      which === 'copy'
        ? { XDG_CONFIG_HOME: copy, XDG_STATE_HOME: join(testEnv.folder, 'copy-state') }
        : environmentOfOriginal,
    );
    await testEnv.startDaemon();
  }

  beforeEach(async () => {
    ({ testEnv, listAccounts, waitForAccounts } = fixture());
    for (const name of ['XDG_CONFIG_HOME', 'XDG_STATE_HOME'])
      environmentOfOriginal[name] = testEnv.environment[name] ?? '';
    originalItems = await listAccounts();
    mkdirSync(join(testEnv.folder, 'copy'));
    cpSync(join(testEnv.folder, 'config'), join(testEnv.folder, 'copy'), { recursive: true });
  });

  async function assertOriginalWorks(): Promise<void> {
    const accounts = await listAccounts();
    for (const item of originalItems) assert.ok(accounts.includes(item), 'the items of the original stay');
    await startDaemonOf('original');
    assert.equal((await testEnv.iamToken()).code, 0);
  }

  it('serves tokens from items of its own, and a logout of each leaves the other its credential', async () => {
    const { stdout: token } = await testEnv.iamToken();
    await startDaemonOf('copy');
    assert.equal((await testEnv.iamToken()).stdout, token);
    await waitForAccounts(4, 'the copy has items of its own');
    assert.equal((await testEnv.iamToken(['refresh'])).code, 0);

    await startDaemonOf('original');
    assert.equal((await testEnv.iamToken(['logout'])).code, 0);
    await startDaemonOf('copy');
    assert.equal((await testEnv.iamToken()).code, 0);
    assert.equal((await testEnv.iamToken(['logout'])).code, 0);
    await waitForAccounts(0, 'both are logged out');
  });

  for (const args of [['login', '--stdin'], ['logout']]) {
    it(`loses nothing of the original at a ${args[0]} while the keyring is locked until then`, async () => {
      await testEnv.stopDaemon();
      await testEnv.keyring?.lock();
      await startDaemonOf('copy');
      assert.equal((await testEnv.iamToken()).code, 6);
      await testEnv.keyring?.unlock();
      assert.equal((await testEnv.iamToken(args, oauthToken)).code, 0);
      await assertOriginalWorks();
    });
  }

  it('A3: has a daemon of its own, although daemon.json was copied while that of the original runs', async () => {
    const environment = { ...testEnv.environment };
    const runtimeFolder = join(testEnv.folder, 'run2');
    mkdirSync(runtimeFolder, { mode: 0o700 });
    symlinkSync(join(environment['XDG_RUNTIME_DIR'] ?? '', 'bus'), join(runtimeFolder, 'bus'));
    Object.assign(testEnv.environment, {
      XDG_CONFIG_HOME: join(testEnv.folder, 'copy'),
      XDG_STATE_HOME: join(testEnv.folder, 'copy-state'),
      XDG_RUNTIME_DIR: runtimeFolder,
    });
    const stop = await testEnv.iamToken(['stop']);
    assert.equal(stop.code, 3, 'it does not stop the other daemon');
    const daemon = spawn(process.execPath, [daemonProgram], { env: testEnv.environment, stdio: 'ignore' });
    await waitUntil(async () => (await testEnv.iamToken()).code !== 3, 'the daemon of the copy listens');
    assert.equal((await testEnv.iamToken()).code, 0);
    assert.equal((await testEnv.iamToken(['logout'])).code, 0);
    daemon.kill();
    await once(daemon, 'exit');
    Object.assign(testEnv.environment, environment);
    assert.equal((await testEnv.iamToken()).code, 0);
    await assertOriginalWorks();
  });

  it('loses nothing of the original at a purge', async () => {
    await testEnv.stopDaemon();
    Object.assign(testEnv.environment, { XDG_CONFIG_HOME: join(testEnv.folder, 'copy') });
    const { code, stderr } = await testEnv.iamTokend(['--purge']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    await assertOriginalWorks();
  });
});
