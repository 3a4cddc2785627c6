import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../emulator/emulator.ts';
import { loadClientsProgram, runLoadClients } from '../support/processes/run-load-clients.ts';
import { installTarball } from '../support/processes/package-tarball.ts';
import { firstRelease } from '../support/releases/first-release.ts';
import { createRealClock } from '../support/time/real-clock.ts';
import { oauthToken, rareRenewals } from '../support/test-environment.ts';
import { waitUntil } from '../support/wait-until.ts';
import { rawRequestScript } from '../support/systems/raw-request-script.ts';
import type { ProcessResult } from '../support/systems/user-manager.ts';
import { describeCredentials } from './system-service/describe-credentials.ts';
import { describeDenials, describeServiceWithoutSession } from './system-service/describe-denials.ts';
import { describeJobs } from './system-service/describe-jobs.ts';
import { describeLingeringUser } from './system-service/describe-lingering-user.ts';
import { describeLostSocket, type SystemService } from './system-service/describe-lost-socket.ts';
import { describeUpgrade } from './system-service/describe-upgrade.ts';
import { bootMachine, type Machine, getMachineSkipReason } from '../support/systems/machine.ts';

/** In the machine. */
const clientProgram = '/opt/iam-tokend/lib/node_modules/iam-tokend/dist/bin/iam-token.js';
const socket = '/run/iam-tokend/ipc.sock';
describe('iam-tokend in a booted machine', () => {
  let folder: string;
  let emulator: Emulator;
  let machine: Machine;

  before(async function () {
    this.timeout(300_000);
    if (getMachineSkipReason() !== null) this.skip();
    emulator = await startEmulator({ clock: createRealClock(), oauthAccounts: [{ token: oauthToken }] });
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-machine-'));
    chmodSync(folder, 0o755);
    installTarball(folder);
    machine = await bootMachine(folder);
    for (const user of ['anna', 'eve']) await expectSuccess(runAsRoot('useradd', '--create-home', user));
  });

  after(async () => {
    await machine?.remove();
    await emulator?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const runAsRoot = (...argv: readonly string[]): Promise<ProcessResult> => machine.run('root', argv);
  const iamToken = (user: string, args: readonly string[], env = {}, stdin = ''): Promise<ProcessResult> =>
    machine.run(user, [process.execPath, clientProgram, ...args], { env, stdin });

  async function expectSuccess(result: Promise<ProcessResult>): Promise<string> {
    const { code, stdout, stderr } = await result;
    assert.equal(code, 0, stderr + stdout);
    return stdout;
  }

  const listFiles = (...watchedPaths: readonly string[]): Promise<string> =>
    expectSuccess(
      runAsRoot(
        'sh',
        '-c',
        `find ${watchedPaths.join(' ')} ! -path '*/.cache*' | sort; getent group iam-tokend || true`,
      ),
    );
  const appendToFile = (path: string, text: string): Promise<string> =>
    expectSuccess(runAsRoot('sh', '-c', `echo '${text}' >>'${path}'`));
  const useEmulator = (): Promise<string> =>
    appendToFile('/etc/iam-tokend/config.yaml', `${rareRenewals}iam: { endpoint: "${emulator.url}" }`);

  const service: SystemService = { clientProgram, socket, runAsRoot, iamToken, expectSuccess };

  describeUpgrade({
    ...service,
    emulatorUrl: () => emulator.url,
    installFirstRelease: () => installTarball(folder, firstRelease),
    installThisRelease: () => installTarball(folder),
    withClients: (user, library, action) => {
      const modulePath = `/opt/iam-tokend/lib/node_modules/iam-tokend/${library}`;
      const argv = [process.execPath, loadClientsProgram, modulePath, '10'];
      const env = { IAM_TOKEND_SOCKET: socket };
      return runLoadClients(machine.command(user, argv, env), action);
    },
  });

  describe('for services of the system', () => {
    before(async () => {
      await expectSuccess(iamToken('root', ['install', '--system']));
      await useEmulator();
      await expectSuccess(runAsRoot('systemctl', 'restart', 'iam-tokend'));
      await expectSuccess(iamToken('root', ['login', '--stdin', '--socket', socket], {}, oauthToken));
      await expectSuccess(runAsRoot('usermod', '--append', '--groups', 'iam-tokend', 'anna'));
    });
    after(() => expectSuccess(iamToken('root', ['uninstall', '--system', '--purge', '--yes'])));

    describeCredentials(service);
    describeJobs(service);
  });

  describe('for all users', () => {
    const etcPaths = ['/etc/systemd', '/etc/sysusers.d', '/etc/iam-tokend'];
    const watchedPaths = [...etcPaths, '/var/lib', '/run/iam-tokend'];
    let filesBefore: string;
    const callAsUser = (user: string, ...args: readonly string[]): Promise<ProcessResult> =>
      iamToken(user, [...args, '--socket', socket]);
    const readUnitProperty = async (name: string): Promise<string> =>
      (
        await expectSuccess(
          runAsRoot('systemctl', 'show', '--value', `--property=${name}`, 'iam-tokend.service'),
        )
      ).trim();

    /** Other services of the machine write their state too. */
    async function expectFilesBefore(): Promise<void> {
      const isOwn = (name: string): boolean => /iam-tokend|^\/etc/.test(name);
      const files = (await listFiles(...watchedPaths, '2>/dev/null')).split('\n');
      assert.deepEqual(files.filter(isOwn), filesBefore.split('\n').filter(isOwn));
    }

    before(async () => {
      await runAsRoot('mkdir', '-p', '/etc/sysusers.d');
      filesBefore = await listFiles(...watchedPaths, '2>/dev/null');
    });

    it('requires root and --system, and changes nothing in a dry run', async () => {
      const { code, stderr } = await iamToken('root', ['install']);
      assert.equal(code, 2);
      assert.match(stderr, /hint: .* iam-token install --system\n/);
      const { code: exitCodeOfAnna, stderr: stderrOfAnna } = await iamToken('anna', ['install', '--system']);
      assert.equal(exitCodeOfAnna, 2);
      assert.match(stderrOfAnna, /--system requires root/);
      const output = await expectSuccess(iamToken('root', ['install', '--system', '--dry-run']));
      for (const line of [
        '# write /etc/iam-tokend/config.yaml',
        'systemctl --system enable iam-tokend.socket',
      ])
        assert.ok(output.includes(line), output);
      await expectFilesBefore();
    });

    describeServiceWithoutSession(service);

    it('installs, accepts a login of root, and serves the users of its group', async () => {
      const output = await iamToken('root', ['install', '--system']);
      assert.equal(output.code, 0, output.stderr);
      assert.match(
        output.stdout,
        /iam-tokend is running as iam-tokend\.service \(systemd\) and starts at boot\n/,
      );
      await useEmulator();
      await expectSuccess(runAsRoot('systemctl', 'reload', 'iam-tokend'));
      await expectSuccess(iamToken('root', ['login', '--stdin', '--socket', socket], {}, oauthToken));
      await expectSuccess(runAsRoot('usermod', '--append', '--groups', 'iam-tokend', 'anna'));
      assert.match(await expectSuccess(callAsUser('anna')), /^t1\./);
      const status = await expectSuccess(callAsUser('anna', 'status'));
      assert.match(status, /service +iam-tokend\.service \(systemd\)\n/);
      assert.match(status, /peers +own user; others can only get tokens\n +memory +closed to debuggers\n/);
      assert.equal((await callAsUser('eve')).code, 3, 'other users cannot connect');
    });

    it('creates a socket for its group, in a folder that only root can write to', async () => {
      const config = '/etc/iam-tokend/config.yaml';
      const format = ['stat', '--format=%a %U %G %F', '/run/iam-tokend', socket, '/etc/iam-tokend', config];
      assert.equal(
        await expectSuccess(runAsRoot(...format, '/etc/iam-tokend/store.key', '/var/lib/iam-tokend')),
        `750 root iam-tokend directory\n660 root iam-tokend socket\n750 root iam-tokend directory\n600 iam-tokend root regular file\n600 root root regular file\n700 iam-tokend iam-tokend directory\n`,
      );
      assert.match((await machine.run('anna', ['cat', config])).stderr, /Permission denied/);
    });

    it('rejects every changing request of another user', async () => {
      const methods = ['logout', 'stop', 'lock', 'unlock', 'refresh', 'use'];
      const requests = [
        ['login', { kind: 'oauth', secret: oauthToken, profile: 'other' }],
        ...methods.map((method) => [method, method === 'use' ? { profile: 'default' } : {}]),
        ...['hello', 'token', 'status', 'profiles', 'subscribe'].map((method) => [method, {}]),
      ];
      const output = await expectSuccess(
        machine.run('anna', [process.execPath, '-e', rawRequestScript, socket, JSON.stringify(requests)]),
      );
      assert.deepEqual(JSON.parse(output), {
        ...Object.fromEntries(['login', ...methods].map((method) => [method, 'forbidden'])),
        ...{ hello: 'done', token: 'done', status: 'done', profiles: 'done', subscribe: 'done' },
      });
      for (const command of ['login', 'logout', 'stop', 'lock']) {
        const { code, stderr } = await iamToken('anna', [command, '--socket', socket], {}, oauthToken);
        assert.equal(code, 2, stderr);
      }
      assert.match(await expectSuccess(callAsUser('anna')), /^t1\./);
    });

    it('runs as its own user, with few privileges', async () => {
      const pid = await readUnitProperty('MainPID');
      const status = await expectSuccess(runAsRoot('cat', `/proc/${pid}/status`));
      const uid = (await expectSuccess(runAsRoot('id', '--user', 'iam-tokend'))).trim();
      for (const line of [
        `Uid:\t${uid}`,
        'NoNewPrivs:\t1',
        'Seccomp:\t2',
        'CapBnd:\t0000000000000000',
        'Umask:\t0077',
      ])
        assert.ok(status.includes(`\n${line}`), line);
      const mounts = await expectSuccess(runAsRoot('cat', `/proc/${pid}/mountinfo`));
      for (const readOnly of ['/', '/proc/sys']) assert.match(mounts, new RegExp(` ${readOnly} ro,`));
      assert.match(
        await expectSuccess(runAsRoot('cat', `/proc/${pid}/limits`)),
        /^Max core file size +0 +0 /m,
      );
      assert.equal(await readUnitProperty('NotifyAccess'), 'main');
      const memory = await machine.run('iam-tokend', ['head', '--bytes=8', `/proc/${pid}/mem`]);
      assert.match(memory.stderr, /Permission denied/);
    });

    it('starts at boot, with an open store', async () => {
      await machine.reboot();
      assert.match(await expectSuccess(callAsUser('anna')), /^t1\./);
      await expectSuccess(callAsUser('root', 'refresh'));
    });

    it('keeps its configuration and its key during an upgrade', async () => {
      const pid = await readUnitProperty('MainPID');
      await expectSuccess(iamToken('root', ['install', '--system']));
      assert.notEqual(await readUnitProperty('MainPID'), pid);
      await expectSuccess(callAsUser('root', 'refresh'));
    });

    describeDenials(service);
    describeLostSocket(service);

    it('does not start without koffi, and logs the reason', async () => {
      const koffi = join(folder, 'lib/node_modules/iam-tokend/node_modules/koffi');
      renameSync(koffi, `${koffi}.moved`);
      const { code } = await iamToken('root', ['install', '--system']);
      assert.equal(code, 1);
      const log = await expectSuccess(runAsRoot('journalctl', '--unit', 'iam-tokend.service', '--lines=20'));
      assert.match(log, /identifies its users with koffi, which is not installed/);
      renameSync(`${koffi}.moved`, koffi);
      await expectSuccess(iamToken('root', ['install', '--system']));
      assert.match(await expectSuccess(callAsUser('anna')), /^t1\./);
    });

    it('keeps configuration and credentials at uninstall, and purges them on request', async () => {
      await expectSuccess(iamToken('root', ['uninstall']));
      assert.match(await listFiles('/etc/iam-tokend', '/var/lib/iam-tokend'), /store\.key[^]*profiles\.json/);
      assert.equal((await callAsUser('anna')).code, 3);
      await expectSuccess(iamToken('root', ['install', '--system']));
      assert.match(await expectSuccess(callAsUser('anna')), /^t1\./);
      await expectSuccess(iamToken('root', ['uninstall', '--system', '--purge']));
      await expectFilesBefore();
    });
  });

  describe('started manually by root', () => {
    const startCommand = 'iam-tokend --config /etc/iam-tokend/config.yaml';
    const daemonProgram = clientProgram.replace('iam-token.js', 'iam-tokend.js');
    const daemonArgs = ['--config', '/etc/iam-tokend/config.yaml'];
    const command = [process.execPath, daemonProgram, ...daemonArgs];

    it(`serves all users, as ${startCommand}, once the folder of its socket exists`, async () => {
      await expectSuccess(runAsRoot('groupadd', 'iam-tokend'));
      await expectSuccess(runAsRoot('usermod', '--append', '--groups', 'iam-tokend', 'anna'));
      await expectSuccess(runAsRoot('mkdir', '/etc/iam-tokend'));
      await useEmulator();
      const { code, stderr } = await runAsRoot(...command);
      assert.equal(code, 2);
      assert.match(stderr, /a system-wide daemon has no keychain/);
      const key = '{ key: { key-file: /etc/iam-tokend/store.key } }';
      await appendToFile('/etc/iam-tokend/config.yaml', `store: file\nfile: ${key}`);
      const { stderr: stderrText } = await runAsRoot(...command);
      assert.match(stderrText, /install -d -m 0750 -g iam-tokend \/run\/iam-tokend\n$/);
      await expectSuccess(runAsRoot('install', '-d', '-m', '0750', '-g', 'iam-tokend', '/run/iam-tokend'));
      await runAsRoot('sh', '-c', `${command.join(' ')} >/dev/null 2>&1 &`);
      await waitUntil(
        async () => (await iamToken('root', ['profiles', '--socket', socket])).code === 0,
        'it responds',
      );
      const { stdout } = await runAsRoot('stat', '--format=%a %U %G', socket);
      assert.equal(stdout, '660 root iam-tokend\n');
      await expectSuccess(iamToken('root', ['login', '--stdin', '--socket', socket], {}, oauthToken));
      assert.match(await expectSuccess(iamToken('anna', ['--socket', socket])), /^t1\./);
      assert.equal((await iamToken('anna', ['stop', '--socket', socket])).code, 2);
      assert.equal((await iamToken('eve', ['--socket', socket])).code, 3);
      await expectSuccess(iamToken('root', ['stop', '--socket', socket]));
      await expectSuccess(iamToken('root', ['uninstall', '--purge']));
      assert.equal(
        (await runAsRoot('ls', '/etc/iam-tokend', '/var/lib/iam-tokend', '/var/log/iam-tokend')).stdout,
        '',
      );
    });
  });

  describeLingeringUser({
    ...service,
    emulatorUrl: () => emulator.url,
    listFiles,
    getMachine: () => machine,
  });
});
