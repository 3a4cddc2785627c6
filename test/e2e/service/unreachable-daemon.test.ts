import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const daemonProgram = fileURLToPath(new URL('../../../bin/iam-tokend.js', import.meta.url));

describe('A3: a daemon whose socket clients do not find', () => {
  let testEnv: TestEnvironment;
  let pid: number;
  let activator: ChildProcess | null = null;

  const recordPath = (): string => join(testEnv.folder, 'config', 'iam-tokend', 'daemon.json');
  /** The environment of a client in another session. */
  const otherRuntime = (): Record<string, string> => {
    const folder = join(testEnv.folder, 'other-run');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return { XDG_RUNTIME_DIR: folder };
  };

  async function start(config?: string): Promise<void> {
    testEnv = await startTestEnvironment({ store: 'memory', ...(config === undefined ? {} : { config }) });
    pid = await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  }

  afterEach(async () => {
    activator?.kill('SIGKILL');
    activator = null;
    await testEnv?.stop();
  });

  const listensAgain = (path = testEnv.socketPath): Promise<void> =>
    waitUntil(async () => {
      const socket = connect(path);
      const hasConnected = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      return hasConnected;
    }, 'it listens again');

  it('writes daemon.json, for its user only, and removes it when it stops', async () => {
    await start();
    const { host, bootId, startTime, folder, ...rest } = JSON.parse(
      readFileSync(recordPath(), 'utf8'),
    ) as Record<string, unknown>;
    assert.deepEqual(rest, { pid, socket: testEnv.socketPath });
    const path = join(testEnv.folder, 'config', 'iam-tokend');
    assert.deepEqual(folder, { path, inode: String(statSync(path).ino) });
    assert.deepEqual([typeof host, typeof bootId, typeof startTime], ['string', 'string', 'string']);
    assert.equal(statSync(recordPath()).mode & 0o777, 0o600);
    assert.equal((await testEnv.iamToken(['stop'])).code, 0);
    await waitUntil(() => !existsSync(recordPath()), 'the file is removed');
  });

  it('is found by a client with another XDG_RUNTIME_DIR, and reported by doctor', async () => {
    await start();
    Object.assign(testEnv.environment, otherRuntime());
    const { stdout, code } = await testEnv.iamToken();
    assert.match(stdout, /^t1\./);
    assert.equal(code, 0);
    assert.match(
      (await testEnv.iamToken(['doctor'])).stdout,
      /warning +socket +no socket at .*other-run.*: iam-token uses .*run\/iam-tokend\/ipc\.sock, other programs do not find it\n/,
    );
    const secondDaemon = await testEnv.iamTokend(['--store', 'memory']);
    assert.equal(secondDaemon.code, 1);
    assert.match(secondDaemon.stderr, new RegExp(`pid ${pid} serves ${testEnv.socketPath}\n`));
    assert.deepEqual(await testEnv.iamToken(['stop']), {
      stdout: 'iam-tokend has stopped\n',
      stderr: '',
      code: 0,
    });
  });

  it('is named with its pid while its socket is gone, with a command that makes it listen again', async () => {
    await start('http: { socket: true }\n');
    rmSync(dirname(testEnv.socketPath), { recursive: true });
    const { stderr, code } = await testEnv.iamToken();
    const message = `iam-tokend is running (pid ${pid}), but ${testEnv.socketPath} does not lead to it`;
    assert.equal(
      stderr,
      `iam-token: error: ${message}\niam-token: hint: wait 30 s until it listens again, or: kill -HUP ${pid}\n`,
    );
    assert.equal(code, 3);
    assert.ok((await testEnv.iamToken(['doctor'])).stdout.includes(`failed   socket         ${message}\n`));
    process.kill(pid, 'SIGHUP');
    await listensAgain();
    assert.match((await testEnv.iamToken()).stdout, /^t1\./);
    await listensAgain(join(dirname(testEnv.socketPath), 'http', 'http.sock'));
  });

  it('stops although its socket is gone', async () => {
    await start();
    rmSync(testEnv.socketPath);
    assert.deepEqual(await testEnv.iamToken(['stop']), {
      stdout: 'iam-tokend has stopped\n',
      stderr: '',
      code: 0,
    });
    assert.equal((await testEnv.iamToken()).stderr.includes('iam-tokend is not running'), true);
  });

  it('is not confused with another process, or one of another boot or machine', async () => {
    await start();
    await testEnv.stopDaemon('SIGKILL');
    const text = readFileSync(recordPath(), 'utf8');
    const bystander = spawn('sleep', ['60']);
    await once(bystander, 'spawn');
    const replacements: readonly (readonly [RegExp, string])[] = [
      [/"pid":\d+/, `"pid":${bystander.pid}`],
      [/"bootId":"[^"]*"/, '"bootId":"00000000-0000-0000-0000-000000000000"'],
      [/"host":"[^"]*"/, '"host":"elsewhere"'],
    ];
    for (const [pattern, replacement] of replacements) {
      const record = text.replace(/"pid":\d+/, `"pid":${bystander.pid}`).replace(pattern, replacement);
      writeFileSync(recordPath(), record);
      const { stderr, code } = await testEnv.iamToken(['stop']);
      assert.equal(code, 3);
      assert.match(stderr, /iam-tokend is not running/);
    }
    assert.equal(bystander.exitCode ?? bystander.signalCode, null);
    bystander.kill();
    assert.ok((await testEnv.startDaemon()) > 0);
  });

  it('is not used for a socket that the user named; the error says where it is', async () => {
    await start();
    const path = join(testEnv.folder, 'run', 'nowhere', 'ipc.sock');
    const { stderr, code } = await testEnv.iamToken(['--socket', path]);
    assert.equal(code, 3);
    assert.equal(
      stderr,
      `iam-token: error: no daemon listens on ${path}; another is running: pid ${pid} serves ${testEnv.socketPath}\n` +
        `iam-token: hint: iam-token status --socket '${testEnv.socketPath}'\n`,
    );
  });

  it('listens in a folder that is mounted over its own, and again below it', async function () {
    await start();
    const folder = join(testEnv.folder, 'run');
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', folder]).status !== 0) this.skip();
    try {
      process.kill(pid, 'SIGHUP');
      await listensAgain();
    } finally {
      assert.equal(spawnSync('umount', ['--lazy', folder]).status, 0);
    }
    process.kill(pid, 'SIGHUP');
    await listensAgain();
    assert.match((await testEnv.iamToken()).stdout, /^t1\./);
  });

  it('listens beside the socket of systemd if its path is removed', async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    mkdirSync(dirname(testEnv.socketPath), { mode: 0o700 });
    activator = spawn(
      'systemd-socket-activate',
      [
        ...Object.keys(testEnv.environment).map((name) => `--setenv=${name}`),
        `--listen=${testEnv.socketPath}`,
        process.execPath,
        daemonProgram,
        '--store',
        'memory',
      ],
      { env: testEnv.environment, stdio: 'ignore' },
    );
    await waitUntil(() => existsSync(testEnv.socketPath), 'the socket exists');
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
    rmSync(dirname(testEnv.socketPath), { recursive: true });
    await waitUntil(() => existsSync(recordPath()), 'it has started');
    process.kill(activator.pid ?? 0, 'SIGHUP');
    await listensAgain();
    assert.equal((await testEnv.iamToken(['profiles'])).code, 0);
  });
});
