import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../conventions/source-tree.ts';
import { type ProcessResult, waitForExit } from '../../support/processes/process-result.ts';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const clientProgram = fileURLToPath(new URL('../../../bin/iam-token.js', import.meta.url));

/** Programs that start another one in namespaces of its own, and a word of the error that the daemon returns. */
const containers: Readonly<Record<string, { readonly wrapper: readonly string[]; readonly reason: RegExp }>> =
  {
    bubblewrap: {
      wrapper: ['bwrap', '--dev-bind', '/', '/', '--unshare-pid', '--proc', '/proc'],
      reason: /another mount and pid namespace/,
    },
    'bubblewrap with a user namespace': {
      wrapper: ['bwrap', '--dev-bind', '/', '/', '--unshare-all', '--share-net'],
      reason: /another mount, pid, and user namespace/,
    },
    'a mount namespace': {
      wrapper: ['unshare', '--mount'],
      reason: /another mount namespace/,
    },
    'a pid namespace': {
      wrapper: ['unshare', '--pid', '--fork'],
      reason: /another pid namespace/,
    },
    'a user namespace': {
      wrapper: ['unshare', '--user', '--map-root-user'],
      reason: /another user namespace/,
    },
  };

const refusedCommands: readonly (readonly string[])[] = [
  ['login', '--stdin', '--profile', 'other'],
  ['stop'],
  ['refresh'],
  ['use', 'default'],
  ['lock'],
  ['unlock'],
  ['logout'],
];

function canRun(name: string): boolean {
  const [program = '', ...args] = containers[name]?.wrapper ?? [];
  return spawnSync(program, [...args, 'true']).status === 0;
}

describe('a program in a container', () => {
  let testEnv: TestEnvironment;
  let pid: number;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', config: 'http: { socket: true }\n' });
    pid = await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  });
  after(() => testEnv.stop());

  async function reload(config: string): Promise<void> {
    const countReloads = (): number => testEnv.readLog().split('reloaded the configuration').length;
    const count = countReloads();
    writeFileSync(join(testEnv.folder, 'config/iam-tokend/config.yaml'), config);
    process.kill(pid, 'SIGHUP');
    await waitUntil(() => countReloads() > count, 'the configuration is reloaded');
  }

  async function readDaemonStatus(status: Promise<ProcessResult>): Promise<Record<string, unknown>> {
    const { stdout, stderr } = await status;
    assert.notEqual(stdout, '', stderr);
    return (JSON.parse(stdout) as { daemon: Record<string, unknown> }).daemon;
  }

  function runIn(name: string, args: readonly string[], stdin = ''): Promise<ProcessResult> {
    const [program = '', ...rest] = containers[name]?.wrapper ?? [];
    const child = spawn(program, [...rest, process.execPath, clientProgram, ...args], {
      env: testEnv.environment,
    });
    return waitForExit(child, stdin);
  }

  for (const name of Object.keys(containers)) {
    it(`D1: gets tokens only, from ${name}`, async function () {
      if (!canRun(name)) this.skip();
      const { stdout: token } = await testEnv.iamToken();
      for (const allowed of [[], ['status'], ['profiles']])
        assert.equal((await runIn(name, allowed)).code, 0, allowed.join());
      assert.equal((await runIn(name, [])).stdout, token);
      for (const refused of name === 'bubblewrap' ? refusedCommands : refusedCommands.slice(0, 2)) {
        const { code, stderr } = await runIn(name, refused, oauthToken);
        assert.equal(code, 2, `${refused.join(' ')}: ${stderr}`);
        assert.match(stderr, new RegExp(`error: a program in a container may not call ${refused[0]} \\(`));
        assert.match(stderr, containers[name]?.reason ?? /$^/);
        assert.match(
          stderr,
          new RegExp(`hint: run it on the host.* flatpak-spawn --host iam-token ${refused[0]}(?: .*)?\\n`),
        );
        assert.match(stderr, /hint: or .*peers: \{ containers: full \}/);
      }
    });
  }

  it('D1: gets tokens only, from systemd-nspawn', async function () {
    const nspawn = ['--quiet', '--register=no', '--keep-unit', '--volatile=yes', '--directory=/'];
    const binds = [`--bind=${testEnv.folder}`, `--bind-ro=${root}`];
    const variables = Object.entries(testEnv.environment).map(([key, value]) => `--setenv=${key}=${value}`);
    const args = [...nspawn, ...binds, ...variables, process.execPath];
    if (spawnSync('systemd-nspawn', [...args, '--version']).status !== 0) this.skip();
    const run = (...command: readonly string[]): Promise<ProcessResult> =>
      waitForExit(
        spawn('systemd-nspawn', [...args, clientProgram, ...command], { stdio: ['ignore', 'pipe', 'pipe'] }),
      );
    assert.match((await run()).stdout, /^t1\./);
    const { code, stderr, stdout } = await run('stop');
    assert.equal(code, 2, stderr + stdout);
    assert.match(
      stderr + stdout,
      /a program in a container may not call stop \(.*; another mount and pid namespace\)/,
    );
  });

  it('D1: gets access keys of Object Storage', async function () {
    if (!canRun('bubblewrap')) this.skip();
    const { code, stdout, stderr } = await runIn('bubblewrap', ['aws-credential-process']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /"AccessKeyId"/);
  });

  it('D1: is named by status and doctor, which say how to change that', async function () {
    if (!canRun('bubblewrap')) this.skip();
    const { stdout } = await testEnv.iamToken(['status']);
    assert.match(stdout, /^ +containers +can only get tokens$/m);
    const onHost = await readDaemonStatus(testEnv.iamToken(['status', '--json']));
    assert.deepEqual([onHost['peerContainer'], onHost['containers']], [undefined, 'tokens']);
    const inContainer = await readDaemonStatus(runIn('bubblewrap', ['status', '--json']));
    assert.match(
      String(inContainer['peerContainer']),
      /^node\S*, process \d+.*; another mount and pid namespace$/,
    );
    assert.match(
      (await testEnv.iamToken(['doctor'])).stdout,
      /^ok +containers +programs in containers can only get tokens$/m,
    );
    assert.match(
      (await runIn('bubblewrap', ['doctor'])).stdout,
      /^warning +containers +this program is in a container \(node\S*, process \d+.*\): it can only get tokens/m,
    );
  });

  it('D1: has full access if the configuration says so, and loses it with the setting', async function () {
    if (!canRun('bubblewrap')) this.skip();
    await reload('peers: { containers: full }\n');
    assert.equal((await runIn('bubblewrap', ['refresh'])).code, 0);
    assert.match((await testEnv.iamToken(['status'])).stdout, /^ +containers +have full access$/m);
    const workload = [
      'login',
      '--workload-identity',
      'aje00000000000000001',
      '--token-file',
      '/etc/hostname',
    ];
    const { code, stderr } = await runIn('bubblewrap', workload);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /error: login with tokenFile is not allowed from a container \(.*\): paths and URLs refer to the host/,
    );
    await reload('');
    assert.equal((await runIn('bubblewrap', ['refresh'])).code, 2);
  });

  it('D1: reaches http.sock in a mounted folder, and nothing else of the daemon', async function () {
    if (!canRun('bubblewrap')) this.skip();
    const folder = join(dirname(testEnv.socketPath), 'http');
    const mounts = ['--tmpfs', '/tmp', '--ro-bind', folder, '/tmp/iam-tokend'];
    const [program = '', ...args] = containers['bubblewrap']?.wrapper ?? [];
    const runShell = (command: string): Promise<ProcessResult> =>
      waitForExit(spawn(program, [...args, ...mounts, 'sh', '-c', command]));
    const token = (await testEnv.iamToken()).stdout.trim();
    const curl = 'curl -sS --unix-socket /tmp/iam-tokend/http.sock http://localhost/v1/token';
    const { stdout, stderr } = await runShell(curl);
    assert.equal((JSON.parse(stdout) as { token: string }).token, token, stderr);
    assert.equal((await runShell('find /tmp -type s')).stdout, '/tmp/iam-tokend/http.sock\n');
    assert.match((await runShell('touch /tmp/iam-tokend/new')).stderr, /Read-only file system/);
  });
});
