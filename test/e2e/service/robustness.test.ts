import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const daemonProgram = fileURLToPath(new URL('../../../bin/iam-tokend.js', import.meta.url));

describe('iam-tokend robustness', () => {
  let testEnv: TestEnvironment;
  let daemonProcess: ChildProcessByStdio<null, null, Readable> | undefined;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
  });

  afterEach(async () => {
    if (daemonProcess !== undefined && daemonProcess.exitCode === null && daemonProcess.signalCode === null) {
      daemonProcess.kill('SIGKILL');
      await once(daemonProcess, 'exit');
    }
    daemonProcess = undefined;
    await testEnv.stop();
  });

  function startDaemon(args: readonly string[] = []): ChildProcessByStdio<null, null, Readable> {
    daemonProcess = spawn(process.execPath, [daemonProgram, '--store', 'memory', ...args], {
      env: { ...testEnv.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return daemonProcess;
  }

  const isResponding = async (args: readonly string[] = []): Promise<boolean> =>
    (await testEnv.iamToken(['profiles', ...args])).code === 0;

  it('keeps running after its stderr is closed', async () => {
    const daemon = startDaemon();
    daemon.stderr.destroy();
    await waitUntil(() => isResponding(), 'it responds');
    writeFileSync(
      join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'),
      'refresh: { schedule: "* * * * *" }',
    );
    daemon.kill('SIGHUP');
    await waitUntil(
      () => testEnv.readLog().includes('more than 12 times'),
      'it has reloaded the configuration',
    );
    assert.ok(await isResponding());
    assert.equal(daemon.exitCode, null);
  });

  it('keeps running if its log cannot be written', async () => {
    mkdirSync(join(testEnv.folder, 'state', 'iam-tokend'), { recursive: true });
    writeFileSync(join(testEnv.folder, 'state', 'iam-tokend', 'log'), 'not a folder');
    const daemon = startDaemon();
    let stderrText = '';
    daemon.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderrText += chunk));
    await waitUntil(() => stderrText.includes('cannot write the log'), 'the failure is reported');
    assert.ok(await isResponding());
    daemon.kill('SIGTERM');
    const [code] = (await once(daemon, 'exit')) as [number | null];
    assert.equal(code, 0, stderrText);
  });

  it('keeps running at SIGUSR1, and opens no inspector', async () => {
    const daemon = startDaemon();
    let stderrText = '';
    daemon.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderrText += chunk));
    await waitUntil(() => stderrText.includes('listening on'), 'it listens');
    for (let i = 0; i < 3; i++) {
      daemon.kill('SIGUSR1');
      assert.ok(await isResponding());
    }
    assert.ok(!/Debugger|ws:/.test(stderrText), stderrText);
  });

  it('accepts a socket beside its configuration', async () => {
    const folder = join(testEnv.folder, 'config', 'iam-tokend');
    const socket = join(folder, 'ipc.sock');
    const config = join(folder, 'config.yaml');
    writeFileSync(config, '');
    startDaemon(['--config', config, '--socket', socket]);
    await waitUntil(() => isResponding(['--socket', socket]), 'it responds');
  });

  it('creates files for the user only, with any umask', async () => {
    const umask = process.umask(0);
    try {
      startDaemon();
      await waitUntil(() => isResponding(), 'it responds');
      await testEnv.iamToken(['login', '--stdin'], oauthToken);
    } finally {
      process.umask(umask);
    }
    await waitUntil(() => testEnv.readLog().includes('logged in'), 'the log is written');
    const createdPaths = ['config/iam-tokend', 'state/iam-tokend', 'run/iam-tokend'].flatMap((folder) =>
      readdirSync(join(testEnv.folder, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(testEnv.folder, folder, name),
      ),
    );
    for (const expectedName of ['profiles.json', 'lock', 'iam-tokend.log', 'ipc.sock', 'ipc.sock.lock']) {
      assert.ok(
        createdPaths.some((path) => path.endsWith(`/${expectedName}`)),
        expectedName,
      );
    }
    for (const path of createdPaths) assert.equal(statSync(path).mode & 0o077, 0, path);
  });

  it('does not start with a socket in a folder that other users can enter', async () => {
    const folder = join(testEnv.folder, 'open');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const { code, stderr } = await testEnv.iamTokend([
      '--store',
      'memory',
      '--socket',
      join(folder, 'ipc.sock'),
    ]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /is accessible to other users \(mode 0755\)\n.*hint: give the socket its own folder, .*\/open\/iam-tokend\/ipc\.sock/,
    );
    assert.deepEqual(readdirSync(folder), []);
  });
});
