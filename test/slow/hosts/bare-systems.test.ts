import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { canRunAsOtherUser, otherUid } from '../../support/processes/other-user.ts';
import { type ProcessResult, waitForExit } from '../../support/processes/process-result.ts';
import { oauthToken } from '../../support/test-environment.ts';
import { createRealClock } from '../../support/time/real-clock.ts';
import { waitUntil } from '../../support/wait-until.ts';

const distFolder = fileURLToPath(new URL('../../../', import.meta.url));
const programPath = (name: string): string => join(distFolder, 'bin', `${name}.js`);
const libraryScript = `require(process.argv[1]).getIamToken().then(({ token }) => console.log(token), ({ code, message }) => console.log(code, message))`;

type Environment = Readonly<Record<string, string>>;

/** A user without a name: the user database has no entry for the uid. */
const asUser = ['setpriv', `--reuid=${otherUid}`, `--regid=${otherUid}`, '--clear-groups'];
const inMountNamespace = (setUp: string): readonly string[] => [
  ...['unshare', '--mount', 'sh', '-c', `${setUp} && exec "$@"`, 'sh'],
  ...asUser,
];
const withoutProc = inMountNamespace('umount --lazy /proc');
const withoutTmp = inMountNamespace('mount -t tmpfs -o ro none /tmp && mount -t tmpfs -o ro none /dev/shm');

describe('a system that lacks something', () => {
  let folder: string;
  let emulator: Emulator;
  let stopDaemon: () => Promise<void>;

  before(function () {
    if (!canRunAsOtherUser()) this.skip();
  });
  beforeEach(async () => {
    folder = mkdtempSync('/var/tmp/iam-tokend-bare-');
    chownSync(folder, otherUid, otherUid);
    emulator = await startEmulator({ clock: createRealClock(), oauthAccounts: [{ token: oauthToken }] });
    stopDaemon = () => Promise.resolve();
  });
  afterEach(async () => {
    if (folder === undefined) return;
    await stopDaemon();
    await emulator.close();
    rmSync(folder, { recursive: true, force: true });
    rmSync(join(tmpdir(), `iam-tokend-${otherUid}`), { recursive: true, force: true });
  });

  const start = (launcher: readonly string[], env: Environment, args: readonly string[]) => {
    const [program = '', ...programArgs] = [...launcher, process.execPath, ...args];
    return spawn(program, programArgs, {
      env: { PATH: process.env['PATH'] ?? '', IAM_TOKEND_IAM_ENDPOINT: emulator.url, ...env },
      cwd: '/',
    });
  };
  const run = (
    launcher: readonly string[],
    env: Environment,
    args: readonly string[],
    stdin = '',
  ): Promise<ProcessResult> => waitForExit(start(launcher, env, args), stdin);

  async function startDaemon(launcher: readonly string[], env: Environment, args: readonly string[]) {
    const child = start(launcher, env, [programPath('iam-tokend'), ...args]);
    let stderrText = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderrText += chunk));
    const ended = once(child, 'exit');
    stopDaemon = async () => {
      child.kill('SIGKILL');
      await ended;
    };
    await waitUntil(
      () => stderrText.includes('listening on') || child.exitCode !== null,
      'the daemon listens',
    );
    assert.equal(child.exitCode, null, stderrText);
    return child.pid;
  }

  const xdgFolders = (): Environment => ({
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
  });
  const keyFileConfig = (configHome: string): void => {
    const path = join(folder, configHome, 'iam-tokend');
    mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'key'), 'a'.repeat(64), { mode: 0o600 });
    writeFileSync(join(path, 'config.yaml'), `file: { key-file: ${join(folder, 'key')} }\n`, { mode: 0o600 });
    for (const owned of [join(folder, 'key'), dirname(path), path, join(path, 'config.yaml')])
      chownSync(owned, otherUid, otherUid);
  };

  for (const [title, launcher, createEnvironment] of [
    ['a home folder, but with XDG folders', asUser, xdgFolders],
    ['XDG folders, but with a home folder', asUser, () => ({ HOME: folder })],
    ['/proc', withoutProc, xdgFolders],
    [
      'a /tmp and a /dev/shm that it can write to, and with a TMPDIR that does not exist',
      withoutTmp,
      () => ({ HOME: folder, TMPDIR: '/nowhere', IAM_TOKEND_SOCKET: join(folder, 'run/ipc.sock') }),
    ],
  ] as const) {
    it(`B8: serves tokens at every entry point without ${title}`, async () => {
      const env = createEnvironment();
      keyFileConfig('HOME' in env ? '.config' : 'config');
      const pid = await startDaemon(launcher, env, ['--store', 'file']);
      const inSameNamespaces = ['nsenter', `--target=${pid}`, '--mount', ...asUser];
      const iamToken = (args: readonly string[], stdin = ''): Promise<ProcessResult> =>
        run(inSameNamespaces, env, [programPath('iam-token'), ...args], stdin);
      const login = await iamToken(['login', '--oauth', '--stdin'], `${oauthToken}\n`);
      assert.deepEqual([login.code, login.stderr], [0, '']);
      const { stdout, stderr, code } = await iamToken([]);
      assert.deepEqual([code, stderr], [0, '']);
      const token = stdout.trim();
      assert.match(token, /^t1\./);
      assert.equal((await iamToken(['exec', '--', 'printenv', 'YC_TOKEN'])).stdout.trim(), token);
      const dockerProgram = [programPath('docker-credential-iam-token'), 'get'];
      const docker = await run(inSameNamespaces, env, dockerProgram, 'cr.yandex');
      assert.equal((JSON.parse(docker.stdout) as { readonly Secret: string }).Secret, token);
      const library = join(distFolder, 'library/cjs/client/iam-token-client.js');
      assert.equal((await run(inSameNamespaces, env, ['-e', libraryScript, library])).stdout.trim(), token);
      const doctor = await iamToken(['doctor']);
      assert.equal(doctor.code, 0, doctor.stdout);
      const stopped = await iamToken(['stop']);
      assert.deepEqual([stopped.code, stopped.stderr], [0, '']);
    });
  }

  const socketPath = `${tmpdir()}/iam-tokend-${otherUid}/ipc.sock`;
  const notRunning = `iam-tokend is not running (no socket at ${socketPath})`;
  for (const [title, program, env, expected] of [
    ['iam-token without a home folder', ['iam-token'], {}, `iam-token: error: ${notRunning}`],
    ['iam-token login without a home folder', ['iam-token', 'login', '--oauth', '--stdin'], {}, notRunning],
    ['docker without a home folder', ['docker-credential-iam-token', 'get'], {}, notRunning],
    [
      'iam-token install --client-only without a home folder',
      ['iam-token', 'install', '--client-only'],
      {},
      'iam-token: error: the home folder is unknown',
    ],
    [
      'iam-tokend without a home folder',
      ['iam-tokend', '--store', 'memory'],
      {},
      'iam-tokend: error: the home folder is unknown\niam-tokend: hint: set HOME, or both XDG_CONFIG_HOME and XDG_STATE_HOME, to an absolute path',
    ],
    [
      'iam-tokend with HOME=/, as containers set it',
      ['iam-tokend'],
      { HOME: '/' },
      'iam-tokend: error: cannot create the configuration folder /.config/iam-tokend: permission denied\niam-tokend: hint: set XDG_CONFIG_HOME to a folder that you can write to',
    ],
    [
      'iam-tokend whose home folder is a file',
      ['iam-tokend'],
      { HOME: '/etc/passwd' },
      "/etc/passwd/.config/iam-tokend: a part of the path is not a folder\niam-tokend: hint: ls -ld '/etc/passwd'",
    ],
    [
      'the keychain helper',
      ['keychain-helper'],
      {},
      'keychain-helper: error: only iam-tokend can start this program',
    ],
  ] as const) {
    it(`B8: ${title} says what is missing`, async () => {
      const [name, ...args] = program;
      const { code, stderr } = await run(asUser, env, [programPath(name), ...args], 'cr.yandex');
      assert.notEqual(code, 0);
      assert.ok(stderr.includes(`${expected}\n`), stderr);
      assert.doesNotMatch(stderr, /uv_|errno|\bat .*\.js:/);
    });
  }

  it('B8: getIamToken and doctor without a home folder say what is missing', async () => {
    const library = join(distFolder, 'library/cjs/client/iam-token-client.js');
    const { stdout } = await run(asUser, {}, ['-e', libraryScript, library]);
    assert.equal(stdout, `unreachable ${notRunning}\n`);
    const doctor = await run(asUser, {}, [programPath('iam-token'), 'doctor']);
    assert.match(doctor.stdout, /^failed +configuration +the home folder is unknown$/m);
    assert.match(doctor.stdout, /^failed +socket +iam-tokend is not running/m);
  });

  it('B8: iam-tokend on a read-only disk serves what it can, and names what it cannot write', async () => {
    keyFileConfig('.config');
    const env = { HOME: folder, IAM_TOKEND_SOCKET: '/dev/shm/iam-tokend-bare/ipc.sock' };
    const setUp = `mount -t tmpfs -o mode=1777 none /dev/shm && mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder}`;
    const pid = await startDaemon(inMountNamespace(setUp), env, ['--store', 'memory']);
    const client = ['nsenter', `--target=${pid}`, '--mount', ...asUser];
    const login = ['login', '--oauth', '--stdin'];
    const { code, stderr } = await run(client, env, [programPath('iam-token'), ...login], `${oauthToken}\n`);
    assert.equal(code, 1);
    assert.match(stderr, /^iam-token: error: cannot write .*: the file system is read-only$/m);
    const status = await run(client, env, [programPath('iam-token'), 'status']);
    assert.match(status.stdout, /memory, open/);
  });
});
