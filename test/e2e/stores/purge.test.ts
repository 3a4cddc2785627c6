import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemdRunning } from '../../../src/platform/service-manager.ts';
import { processContext } from '../../../src/platform/process-context.ts';
import { runInTerminal } from '../../support/processes/pseudo-terminal.ts';
import { listKeyringAccounts } from '../../support/stores/keyring-items.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('iam-tokend --purge', () => {
  let testEnv: TestEnvironment;
  const configFolderPath = (): string => join(testEnv.folder, 'config', 'iam-tokend');

  /** @param store `undefined`: as release 0.1.0, which did not record it */
  function setRecordedStore(store: string | undefined): void {
    const path = join(configFolderPath(), 'profiles.json');
    const registry = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...registry, store }), { mode: 0o600 });
  }

  async function withoutKeychain(use: () => Promise<void>): Promise<void> {
    const busAddress = testEnv.environment['DBUS_SESSION_BUS_ADDRESS'];
    Object.assign(testEnv.environment, { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' });
    await use();
    Object.assign(testEnv.environment, { DBUS_SESSION_BUS_ADDRESS: busAddress });
  }

  beforeEach(async () => {
    testEnv = await startTestEnvironment();
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  });
  afterEach(() => testEnv.stop());

  it('removes the credentials and its folders', async () => {
    await testEnv.stopDaemon();
    assert.deepEqual(await testEnv.iamTokend(['--purge']), { stdout: '', stderr: '', code: 0 });
    for (const folder of [configFolderPath(), join(testEnv.folder, 'state', 'iam-tokend')])
      assert.ok(!existsSync(folder), folder);
  });

  it('keeps the profile list when the keychain fails, for another purge', async () => {
    await testEnv.stopDaemon();
    const busAddress = testEnv.environment['DBUS_SESSION_BUS_ADDRESS'];
    Object.assign(testEnv.environment, { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' });
    const { code, stderr } = await testEnv.iamTokend(['--purge']);
    assert.equal(code, 1);
    assert.match(stderr, /^iam-tokend: error: .*(keychain|D-Bus)/);
    Object.assign(testEnv.environment, { DBUS_SESSION_BUS_ADDRESS: busAddress });
    await testEnv.startDaemon();
    assert.match((await testEnv.iamToken()).stdout, /^t1\./);
  });

  it('C5: deletes what it can when the keychain fails, and names the rest', async () => {
    await testEnv.stopDaemon();
    writeFileSync(join(configFolderPath(), 'config.yaml'), '{}\n');
    await withoutKeychain(async () => {
      const { code, stderr } = await testEnv.iamTokend(['--purge']);
      assert.equal(code, 1);
      const [error, ...hints] = stderr.trim().split('\n');
      assert.match(
        error ?? '',
        /^iam-tokend: error: not everything was deleted: the credential of default in the keychain \(.+\)$/,
      );
      assert.deepEqual(hints, [
        'iam-tokend: hint: once the keychain is available: iam-token uninstall --purge',
        `iam-tokend: hint: if there is no keychain: rm -r '${configFolderPath()}'`,
      ]);
    });
    assert.ok(!existsSync(join(testEnv.folder, 'state', 'iam-tokend')));
    assert.ok(!existsSync(join(configFolderPath(), 'config.yaml')));
    assert.deepEqual(await testEnv.iamTokend(['--purge']), { stdout: '', stderr: '', code: 0 });
    assert.ok(!existsSync(configFolderPath()));
    assert.deepEqual(await listKeyringAccounts(testEnv.environment), []);
  });

  it('C5: deletes everything although config.yaml is invalid', async () => {
    await testEnv.stopDaemon();
    writeFileSync(join(configFolderPath(), 'config.yaml'), 'colour: red\n');
    assert.deepEqual(await testEnv.iamTokend(['--purge']), { stdout: '', stderr: '', code: 0 });
    assert.ok(!existsSync(configFolderPath()));
    assert.deepEqual(await listKeyringAccounts(testEnv.environment), []);
  });

  it('C5: deletes everything without a keychain if a file store has the credentials', async () => {
    await testEnv.stopDaemon();
    writeFileSync(join(testEnv.folder, 'state', 'iam-tokend', 'store'), '', { mode: 0o600 });
    setRecordedStore(undefined);
    await withoutKeychain(async () => {
      const { code, stderr } = await testEnv.iamTokend(['--purge']);
      assert.equal(code, 0);
      assert.match(
        stderr,
        /^iam-tokend: warning: deleted the file store, but could not remove the credential of default /,
      );
    });
    assert.ok(!existsSync(configFolderPath()));
  });

  it('C5: keeps the profile list without a keychain if a file store is not the one in use', async () => {
    await testEnv.stopDaemon();
    writeFileSync(join(testEnv.folder, 'state', 'iam-tokend', 'store'), '', { mode: 0o600 });
    await withoutKeychain(async () => assert.equal((await testEnv.iamTokend(['--purge'])).code, 1));
    assert.deepEqual(await testEnv.iamTokend(['--purge']), { stdout: '', stderr: '', code: 0 });
    assert.deepEqual(await listKeyringAccounts(testEnv.environment), []);
  });

  it('C5: deletes everything without a keychain if it was never used', async () => {
    await testEnv.stopDaemon();
    setRecordedStore('memory');
    await withoutKeychain(async () =>
      assert.deepEqual(await testEnv.iamTokend(['--purge']), { stdout: '', stderr: '', code: 0 }),
    );
    assert.ok(!existsSync(configFolderPath()));
  });

  for (const store of ['memory', 'file'] as const) {
    for (const isStarted of [true, false]) {
      const when = isStarted ? 'was used' : 'was only configured';
      it(`C5: with the ${store} store, which ${when} since, names what is still in the keychain`, async () => {
        await testEnv.stopDaemon();
        if (isStarted) {
          await testEnv.startDaemon(['--store', store]);
          await testEnv.stopDaemon();
        }
        const { code, stderr } = await testEnv.iamTokend(['--store', store, '--purge']);
        assert.equal(code, 1);
        assert.deepEqual(stderr.trim().split('\n'), [
          'iam-tokend: error: not everything was deleted: credentials of an earlier store, in the keychain',
          'iam-tokend: hint: iam-tokend --store keychain --purge',
        ]);
        assert.notDeepEqual(await listKeyringAccounts(testEnv.environment), []);
        assert.deepEqual(await testEnv.iamTokend(['--store', 'keychain', '--purge']), {
          stdout: '',
          stderr: '',
          code: 0,
        });
        assert.deepEqual(await listKeyringAccounts(testEnv.environment), []);
        assert.ok(!existsSync(configFolderPath()));
      });
    }
  }

  it('C5: names a folder that cannot be removed, and removes the others', async function () {
    await testEnv.stopDaemon();
    const state = join(testEnv.folder, 'state', 'iam-tokend');
    rmSync(state, { recursive: true });
    writeFileSync(state, '');
    const { code, stderr } = await testEnv.iamTokend(['--purge']);
    assert.equal(code, 1);
    assert.ok(stderr.includes(`not everything was deleted: ${state} (`), stderr);
    assert.ok(!existsSync(configFolderPath()));
  });

  describe('by iam-token uninstall --purge, without a service manager', () => {
    beforeEach(function () {
      // There it would remove the service of this machine.
      if (isSystemdRunning(processContext())) this.skip();
    });

    it('C5: stops the daemon, and deletes what a store on its command line had', async () => {
      assert.equal((await testEnv.iamToken(['logout'])).code, 0);
      await waitUntil(
        async () => (await listKeyringAccounts(testEnv.environment)).length === 0,
        'the items are removed',
      );
      await testEnv.stopDaemon();
      await testEnv.startDaemon(['--store', 'memory']);
      await withoutKeychain(async () => {
        const { code, stdout, stderr } = await testEnv.iamToken(['uninstall', '--purge']);
        assert.equal(code, 0, stderr);
        assert.match(stdout, /credentials and configuration deleted\n$/);
      });
      for (const folder of [configFolderPath(), dirname(testEnv.socketPath)])
        assert.ok(!existsSync(folder), folder);
      assert.equal((await testEnv.iamToken()).code, 3);
    });

    const purgeInTerminal = (answer: readonly string[], ...args: readonly string[]) =>
      runInTerminal(
        ['uninstall', '--purge', ...args],
        answer.length === 0 ? [] : [{ expect: '[y/N] ', type: answer }],
        { socket: testEnv.socketPath, env: testEnv.environment },
      );

    it('18.7: asks on a terminal first, and does nothing unless the user confirms', async () => {
      for (const answer of ['\r', 'n\r', '\x03']) {
        const { screen, code } = await purgeInTerminal([answer]);
        assert.match(screen, /^iam-token: delete all credentials and the configuration of iam-tokend\?/);
        assert.equal(code, answer === '\x03' ? -2 : 130);
      }
      assert.equal((await testEnv.iamToken()).code, 0);
      const { screen, code } = await purgeInTerminal(['y\r']);
      assert.match(screen, /credentials and configuration deleted\r\n$/);
      assert.equal(code, 0);
      assert.ok(!existsSync(configFolderPath()));
    });

    it('18.7: does not ask with --yes', async () => {
      const { screen, code } = await purgeInTerminal([], '--yes');
      assert.doesNotMatch(screen, /\[y\/N\]/);
      assert.match(screen, /credentials and configuration deleted\r\n$/);
      assert.equal(code, 0);
    });

    it('C5: names the credential that an earlier store has, and how to delete it', async () => {
      await testEnv.stopDaemon();
      await testEnv.startDaemon(['--store', 'memory']);
      const { code, stdout, stderr } = await testEnv.iamToken(['uninstall', '--purge']);
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.match(
        stderr,
        /error: not everything was deleted: credentials of an earlier store, in the keychain\n/,
      );
      assert.match(stderr, /hint: iam-tokend --store keychain --purge\n/);
      assert.equal((await testEnv.iamTokend(['--store', 'keychain', '--purge'])).code, 0);
      assert.deepEqual(await listKeyringAccounts(testEnv.environment), []);
    });

    it('C5: deletes what it can without a keychain, and hints at what helps', async () => {
      await testEnv.stopDaemon();
      await withoutKeychain(async () => {
        const { code, stderr } = await testEnv.iamToken(['uninstall', '--purge']);
        assert.equal(code, 1);
        assert.match(stderr, /error: not everything was deleted: the credential of default in the keychain/);
        assert.match(stderr, /hint: once the keychain is available: iam-token uninstall --purge\n/);
      });
      assert.ok(!existsSync(join(testEnv.folder, 'state', 'iam-tokend')));
      const { code, stdout } = await testEnv.iamToken(['uninstall', '--purge']);
      assert.equal(code, 0);
      assert.match(stdout, /deleted\n$/);
    });
  });

  it('A3: waits for the lock of a daemon that has closed its connections and is still ending', async () => {
    await testEnv.stopDaemon();
    const holder = spawn('flock', [join(configFolderPath(), 'lock'), 'cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    holder.stdin.write('locked\n');
    await once(holder.stdout, 'data');
    const purging = testEnv.iamTokend(['--purge']);
    await Promise.race([purging, sleep(1_500)]);
    holder.stdin.end();
    const { code, stderr } = await purging;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.ok(!existsSync(configFolderPath()));
  });

  it('does nothing while a daemon runs, or for a folder that --config names', async () => {
    assert.match((await testEnv.iamTokend(['--purge'])).stderr, /another iam-tokend is running/);
    const purgeResult = await testEnv.iamTokend([
      '--purge',
      '--config',
      join(configFolderPath(), 'config.yaml'),
    ]);
    assert.equal(purgeResult.code, 2);
    assert.match((await testEnv.iamToken()).stdout, /^t1\./);
  });
});
