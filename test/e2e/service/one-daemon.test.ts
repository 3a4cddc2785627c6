import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitForExit, type ProcessResult } from '../../support/processes/process-result.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';

const daemonProgram = fileURLToPath(new URL('../../../bin/iam-tokend.js', import.meta.url));

describe('A2: one daemon', function () {
  let testEnv: TestEnvironment;
  let others: ChildProcess[] = [];

  afterEach(async () => {
    for (const child of others) child.kill('SIGKILL');
    others = [];
    await testEnv?.stop();
  });

  const canUnshare = (): boolean => spawnSync('unshare', ['--net', 'true']).status === 0;

  /** A second daemon with the same configuration, and a runtime folder of its own, until it exits or listens. */
  async function startSecondDaemon(
    command: readonly string[] = [],
    extraEnvironment: Readonly<Record<string, string>> = {},
    args: readonly string[] = [],
  ): Promise<ProcessResult> {
    const runtimeFolder = join(testEnv.folder, 'run2');
    mkdirSync(runtimeFolder, { recursive: true, mode: 0o700 });
    const [program = process.execPath, ...words] = [...command, process.execPath, daemonProgram, ...args];
    const child = spawn(program, words, {
      env: { ...testEnv.environment, XDG_RUNTIME_DIR: runtimeFolder, ...extraEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    others.push(child);
    child.stderr.on('data', (chunk: Buffer) => {
      if (String(chunk).includes('listening on')) child.kill();
    });
    return waitForExit(child);
  }

  const refusal = (pid: number): string =>
    `iam-tokend: error: another iam-tokend is running (it holds ${join(testEnv.folder, 'config', 'iam-tokend', 'lock')}): ` +
    `pid ${pid} serves ${testEnv.socketPath}
` +
    `iam-tokend: hint: iam-token status --socket '${testEnv.socketPath}'\n`;

  it('serves a configuration folder, also in another network namespace, and no login is lost', async function () {
    if (!canUnshare()) this.skip();
    testEnv = await startTestEnvironment({ store: 'file' });
    const config = join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml');
    writeFileSync(config, `file: { key-file: ${join(testEnv.folder, 'key')} }`);
    const pid = await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin', '--profile', 'one'], oauthToken)).code, 0);
    const second = await startSecondDaemon(['unshare', '--net'], {}, ['--store', 'file']);
    assert.deepEqual(second, { stdout: '', stderr: refusal(pid), code: 1 });
    assert.equal((await testEnv.iamToken(['login', '--stdin', '--profile', 'two'], oauthToken)).code, 0);
    assert.match((await testEnv.iamToken(['profiles'])).stdout, /one[^]*two/);
  });

  it('serves a configuration folder, also without its lock file', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    const pid = await testEnv.startDaemon();
    rmSync(join(testEnv.folder, 'config', 'iam-tokend', 'lock'));
    const { code, stderr } = await startSecondDaemon([], {}, ['--store', 'memory']);
    assert.equal(code, 1);
    assert.match(stderr, /another iam-tokend is running/);
    assert.ok(pid > 0);
  });

  it('D10: listens on nothing that other users can connect to', async function () {
    if (process.getuid?.() !== 0) this.skip();
    testEnv = await startTestEnvironment({ store: 'file' });
    const pid = await testEnv.startDaemon();
    const inodes = readdirSync(`/proc/${pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${pid}/fd/${fd}`).replaceAll(/\D/g, ''),
    );
    const sockets = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .map((row) => row.split(/ +/))
      .filter(([, , , , , , inode = '', name]) => inodes.includes(inode) && name !== undefined);
    assert.deepEqual(
      sockets.map(([, , , , , , , name]) => name),
      [testEnv.socketPath],
    );
  });

  it('refuses to write a profile list that another program changed, and says so', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin', '--profile', 'one'], oauthToken)).code, 0);
    const path = join(testEnv.folder, 'config', 'iam-tokend', 'profiles.json');
    const text = readFileSync(path, 'utf8').replaceAll('"one"', '"other"');
    writeFileSync(path, text);
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin', '--profile', 'two'], oauthToken);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /error: the profile list .*profiles\.json was changed by another program and is not overwritten\n.*hint: /,
    );
    assert.equal(readFileSync(path, 'utf8'), text);
  });
});
