import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProcesses } from '../../support/processes/process-table.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const daemonProgram = fileURLToPath(new URL('../../../bin/iam-tokend.js', import.meta.url));

describe('socket activation', () => {
  let testEnv: TestEnvironment;
  let activator: ChildProcess | null;

  beforeEach(() => (activator = null));
  afterEach(async () => {
    activator?.kill('SIGKILL');
    await testEnv.stop();
  });

  /** Starts a process that listens, and executes the daemon at the first connection. */
  async function startActivator(store: 'keychain' | 'memory'): Promise<void> {
    testEnv = await startTestEnvironment({ store });
    mkdirSync(join(testEnv.socketPath, '..'), { mode: 0o700 });
    const setenvOptions = Object.keys(testEnv.environment).map((name) => `--setenv=${name}`);
    const args = [
      ...setenvOptions,
      `--listen=${testEnv.socketPath}`,
      process.execPath,
      daemonProgram,
      '--store',
      store,
    ];
    activator = spawn('systemd-socket-activate', args, { env: testEnv.environment, stdio: 'ignore' });
    await waitUntil(() => existsSync(testEnv.socketPath), 'the socket exists');
  }

  it('answers requests from before the start, and leaves the socket in place at exit', async () => {
    await startActivator('memory');
    const { ino } = statSync(testEnv.socketPath);
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin'], oauthToken);
    assert.equal(code, 0, stderr);
    assert.match((await testEnv.iamToken()).stdout, /^t1\./);
    const exitEvent = once(activator ?? assert.fail(), 'exit');
    assert.equal((await testEnv.iamToken(['stop'])).code, 0);
    await exitEvent;
    assert.equal(statSync(testEnv.socketPath).ino, ino);
  });

  it('E4: answers with the reason of a failed start, and exits with 1', async () => {
    await startActivator('memory');
    chmodSync(join(testEnv.folder, 'config', 'iam-tokend'), 0o777);
    const exitEvent = once(activator ?? assert.fail(), 'exit');
    const { code, stderr } = await testEnv.iamToken();
    assert.equal(code, 5);
    assert.match(stderr, /^iam-token: error: iam-tokend cannot start: .*config\/iam-tokend/);
    assert.deepEqual(await exitEvent, [1, null]);
  });

  it('C3: answers with the mistake in config.yaml, exits with 2, and leaves the socket', async () => {
    await startActivator('memory');
    const configPath = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(configPath, 'colour: red\n');
    const exitEvent = once(activator ?? assert.fail(), 'exit');
    for (const args of [[], ['status']]) {
      const { code, stderr } = await testEnv.iamToken(args);
      assert.equal(code, 5);
      assert.match(stderr, /^iam-token: error: iam-tokend cannot start: .*config\.yaml:1: /);
      assert.match(stderr, /^iam-token: hint: iam-token doctor$/m);
    }
    assert.deepEqual(await exitEvent, [2, null]);
    assert.ok(existsSync(testEnv.socketPath));
  });

  it('does not pass the socket to a child', async () => {
    await startActivator('keychain');
    assert.match((await testEnv.iamToken(['status'])).stdout, /service +\S+ \(systemd\)\n/);
    const pid = activator?.pid ?? assert.fail();
    const passedSocket = readlinkSync(`/proc/${pid}/fd/3`);
    assert.match(passedSocket, /^socket:/);
    const [helper] = findProcesses('keychain-helper', pid);
    const helperFiles = readdirSync(`/proc/${helper}/fd`).map((fd) =>
      readlinkSync(`/proc/${helper}/fd/${fd}`),
    );
    assert.ok(helperFiles.length > 2 && !helperFiles.includes(passedSocket));
  });

  it('ignores a socket that was passed to the parent process', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    Object.assign(testEnv.environment, { LISTEN_PID: '1', LISTEN_FDS: '1' });
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
    assert.match((await testEnv.iamToken(['status'])).stdout, /service +none, started by hand\n/);
  });
});
