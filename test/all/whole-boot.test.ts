import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { installPacked } from '../support/packed-installation.ts';
import { realClock } from '../support/real-clock.ts';
import { oauthToken } from '../support/running-house.ts';
import { until } from '../support/until.ts';
import type { Result } from '../support/user-manager.ts';
import { bootMachine, type Machine, noMachine } from '../support/whole-boot.ts';

/** In the machine. */
const program = '/opt/iam-tokend/lib/node_modules/iam-tokend/dist/bin/iam-token.js';
const socket = '/run/iam-tokend/ipc.sock';
/** Says what came of each of some methods, whatever a decent client would refuse to send. */
const askRaw = `
/** In the machine. */
const program = '/opt/iam-tokend/lib/node_modules/iam-tokend/dist/bin/iam-token.js';
const socket = require('node:net').connect('${socket}').setEncoding('utf8');
const requests = JSON.parse(process.argv[1]);
let rest = '';
const said = {};
socket.on('data', (piece) => {
  const frames = (rest + piece).split('\\f');
  rest = frames.pop();
  for (const { data } of frames.map((frame) => JSON.parse(frame))) said[requests[data.id][0]] = data.error?.code ?? 'done';
  if (Object.keys(said).length === requests.length) { console.log(JSON.stringify(said)); process.exit(); }
});
for (const [id, [method, params]] of requests.entries())
  socket.write(JSON.stringify({ type: 'iam-token', data: { v: 1, id, method, params } }) + '\\f');
`;

describe('iam-tokend in a whole machine', function () {
  this.timeout(120_000);
  let folder: string;
  let emulator: Emulator;
  let machine: Machine;

  before(async function () {
    if (noMachine() !== null) this.skip();
    emulator = await startEmulator({ clock: realClock(), oauthAccounts: [{ token: oauthToken }] });
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-machine-'));
    chmodSync(folder, 0o755);
    installPacked(folder);
    machine = await bootMachine(folder);
    for (const user of ['anna', 'eve']) await done(root('useradd', '--create-home', user));
  });

  after(async () => {
    await machine?.remove();
    await emulator?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  const root = (...argv: readonly string[]): Promise<Result> => machine.run('root', argv);
  const iamToken = (user: string, args: readonly string[], env = {}, stdin = ''): Promise<Result> =>
    machine.run(user, [process.execPath, program, ...args], { env, stdin });

  async function done(result: Promise<Result>): Promise<string> {
    const { code, stdout, stderr } = await result;
    assert.equal(code, 0, stderr + stdout);
    return stdout;
  }

  const list = (...places: readonly string[]): Promise<string> =>
    done(
      root(
        'sh',
        '-c',
        `find ${places.join(' ')} ! -path '*/.cache*' | sort; getent group iam-tokend || true`,
      ),
    );
  const write = (path: string, text: string): Promise<string> =>
    done(root('sh', '-c', `echo '${text}' >>'${path}'`));

  describe('for all its users', () => {
    const places = ['/etc/systemd', '/etc/sysusers.d', '/etc/iam-tokend', '/var/lib', '/run/iam-tokend'];
    let namesBefore: string;
    const asks = (user: string, ...args: readonly string[]): Promise<Result> =>
      iamToken(user, [...args, '--socket', socket]);
    const property = async (name: string): Promise<string> =>
      (await done(root('systemctl', 'show', '--value', `--property=${name}`, 'iam-tokend.service'))).trim();

    before(async () => {
      await root('mkdir', '-p', '/etc/sysusers.d');
      namesBefore = await list(...places, '2>/dev/null');
    });

    it('is not installed in the stead of root, nor by anybody else, and a dry run does nothing', async () => {
      const { code, stderr } = await iamToken('root', ['install']);
      assert.equal(code, 2);
      assert.match(stderr, /hint: .* iam-token install --system\n/);
      const { code: ofAnna, stderr: toAnna } = await iamToken('anna', ['install', '--system']);
      assert.equal(ofAnna, 2);
      assert.match(toAnna, /only root can do that/);
      const said = await done(iamToken('root', ['install', '--system', '--dry-run']));
      for (const line of [
        '# write /etc/iam-tokend/config.yaml',
        'systemctl --system enable iam-tokend.socket',
      ])
        assert.ok(said.includes(line), said);
      assert.equal(await list(...places, '2>/dev/null'), namesBefore);
    });

    it('is installed, logged in to by root, and gives tokens to those of its group', async () => {
      const said = await iamToken('root', ['install', '--system']);
      assert.equal(said.code, 0, said.stderr);
      assert.match(said.stdout, /runs as iam-tokend\.service of systemd, and starts with the machine\n/);
      await write('/etc/iam-tokend/config.yaml', `iam: { endpoint: "${emulator.url}" }`);
      await done(root('systemctl', 'reload', 'iam-tokend'));
      await done(iamToken('root', ['login', '--stdin', '--socket', socket], {}, oauthToken));
      await done(root('usermod', '--append', '--groups', 'iam-tokend', 'anna'));
      assert.match(await done(asks('anna')), /^t1\./);
      const status = await done(asks('anna', 'status'));
      assert.match(status, /manager +iam-tokend\.service of systemd\n/);
      assert.match(status, /peers +own uid, and guests\n +memory +closed\n/);
      assert.equal((await asks('eve')).code, 3, 'who is not of the group');
    });

    it('has a socket for its group alone, in a folder that root alone writes to', async () => {
      const config = '/etc/iam-tokend/config.yaml';
      const format = ['stat', '--format=%a %U %G %F', '/run/iam-tokend', socket, '/etc/iam-tokend', config];
      assert.equal(
        await done(root(...format, '/etc/iam-tokend/store.key', '/var/lib/iam-tokend')),
        `750 root iam-tokend directory\n660 root iam-tokend socket\n750 root iam-tokend directory\n600 iam-tokend root regular file\n600 root root regular file\n700 iam-tokend iam-tokend directory\n`,
      );
      assert.match((await machine.run('anna', ['cat', config])).stderr, /Permission denied/);
    });

    it('refuses another user all that changes something', async () => {
      const methods = ['logout', 'stop', 'lock', 'unlock', 'refresh', 'use', 'profiles'];
      const requests = [
        ['login', { kind: 'oauth', secret: oauthToken, profile: 'hers' }],
        ...methods.map((method) => [method, method === 'use' ? { profile: 'default' } : {}]),
        ...['hello', 'token', 'status', 'subscribe'].map((method) => [method, {}]),
      ];
      const said = await done(
        machine.run('anna', [process.execPath, '-e', askRaw, JSON.stringify(requests)]),
      );
      assert.deepEqual(JSON.parse(said), {
        ...Object.fromEntries(['login', ...methods].map((method) => [method, 'bad_request'])),
        ...{ hello: 'done', token: 'done', status: 'done', subscribe: 'done' },
      });
      for (const command of ['login', 'logout', 'stop', 'lock']) {
        const { code, stderr } = await iamToken('anna', [command, '--socket', socket], {}, oauthToken);
        assert.equal(code, 2, stderr);
      }
      assert.match(await done(asks('anna')), /^t1\./);
    });

    it('runs as a user of its own, with few rights', async () => {
      const pid = await property('MainPID');
      const status = await done(root('cat', `/proc/${pid}/status`));
      const uid = (await done(root('id', '--user', 'iam-tokend'))).trim();
      for (const line of [
        `Uid:\t${uid}`,
        'NoNewPrivs:\t1',
        'Seccomp:\t2',
        'CapBnd:\t0000000000000000',
        'Umask:\t0077',
      ])
        assert.ok(status.includes(`\n${line}`), line);
      const mounts = await done(root('cat', `/proc/${pid}/mountinfo`));
      for (const readOnly of ['/', '/proc/sys']) assert.match(mounts, new RegExp(` ${readOnly} ro,`));
      assert.match(await done(root('cat', `/proc/${pid}/limits`)), /^Max core file size +0 +0 /m);
      assert.equal(await property('NotifyAccess'), 'main');
      const memory = await machine.run('iam-tokend', ['head', '--bytes=8', `/proc/${pid}/mem`]);
      assert.match(memory.stderr, /Permission denied/);
    });

    it('is there after a reboot, and its store is open', async () => {
      await machine.reboot();
      assert.match(await done(asks('anna')), /^t1\./);
      await done(asks('root', 'refresh'));
    });

    it('keeps its configuration and its key in an upgrade', async () => {
      const pid = await property('MainPID');
      await done(iamToken('root', ['install', '--system']));
      assert.notEqual(await property('MainPID'), pid);
      await done(asks('root', 'refresh'));
    });

    it('does not start without koffi, and says why', async () => {
      const koffi = join(folder, 'lib/node_modules/iam-tokend/node_modules/koffi');
      renameSync(koffi, `${koffi}.away`);
      const { code } = await iamToken('root', ['install', '--system']);
      assert.equal(code, 1);
      const log = await done(root('journalctl', '--unit', 'iam-tokend.service', '--lines=20'));
      assert.match(log, /tells its users apart by koffi, which is not installed/);
      renameSync(`${koffi}.away`, koffi);
      await done(iamToken('root', ['install', '--system']));
      assert.match(await done(asks('anna')), /^t1\./);
    });

    it('leaves configuration and credentials when root uninstalls it, and nothing when it purges', async () => {
      await done(iamToken('root', ['uninstall']));
      assert.match(await list('/etc/iam-tokend', '/var/lib/iam-tokend'), /store\.key[^]*profiles\.json/);
      assert.equal((await asks('anna')).code, 3);
      await done(iamToken('root', ['install', '--system']));
      assert.match(await done(asks('anna')), /^t1\./);
      await done(iamToken('root', ['uninstall', '--system', '--purge']));
      assert.equal(await list(...places, '2>/dev/null'), namesBefore);
    });
  });

  describe('started by root by hand', () => {
    const start = 'iam-tokend --config /etc/iam-tokend/config.yaml';
    const daemon = program.replace('iam-token.js', 'iam-tokend.js');
    const byHand = ['--config', '/etc/iam-tokend/config.yaml'];
    const command = [process.execPath, daemon, ...byHand];

    it(`serves all users, as ${start}, once there is a folder for its socket`, async () => {
      await done(root('groupadd', 'iam-tokend'));
      await done(root('usermod', '--append', '--groups', 'iam-tokend', 'anna'));
      await done(root('mkdir', '/etc/iam-tokend'));
      await write('/etc/iam-tokend/config.yaml', `iam: { endpoint: "${emulator.url}" }`);
      const { code, stderr } = await root(...command);
      assert.equal(code, 2);
      assert.match(stderr, /a system has no keychain/);
      const key = '{ key: { key-file: /etc/iam-tokend/store.key } }';
      await write('/etc/iam-tokend/config.yaml', `store: file\nfile: ${key}`);
      const { stderr: folderMissing } = await root(...command);
      assert.match(folderMissing, /install -d -m 0750 -g iam-tokend \/run\/iam-tokend\n$/);
      await done(root('install', '-d', '-m', '0750', '-g', 'iam-tokend', '/run/iam-tokend'));
      await root('sh', '-c', `${command.join(' ')} >/dev/null 2>&1 &`);
      await until(
        async () => (await iamToken('root', ['profiles', '--socket', socket])).code === 0,
        'it answers',
      );
      const { stdout } = await root('stat', '--format=%a %U %G', socket);
      assert.equal(stdout, '660 root iam-tokend\n');
      await done(iamToken('root', ['login', '--stdin', '--socket', socket], {}, oauthToken));
      assert.match(await done(iamToken('anna', ['--socket', socket])), /^t1\./);
      assert.equal((await iamToken('anna', ['stop', '--socket', socket])).code, 2);
      assert.equal((await iamToken('eve', ['--socket', socket])).code, 3);
      await done(iamToken('root', ['stop', '--socket', socket]));
      await done(iamToken('root', ['uninstall', '--purge']));
      assert.equal(
        (await root('ls', '/etc/iam-tokend', '/var/lib/iam-tokend', '/var/log/iam-tokend')).stdout,
        '',
      );
    });
  });

  describe('for one person who lingers', () => {
    it('gives a token after a reboot that nobody logged in after, and leaves nothing when it is purged', async () => {
      const uid = (await done(root('id', '--user', 'anna'))).trim();
      const runtime = `/run/user/${uid}`;
      const env = {
        HOME: '/home/anna',
        XDG_RUNTIME_DIR: runtime,
        DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtime}/bus`,
      };
      const anna = (args: readonly string[], stdin = ''): Promise<Result> =>
        iamToken('anna', args, env, stdin);
      const lives = async (): Promise<boolean> =>
        (await machine.run('anna', ['systemctl', '--user', 'is-active', 'default.target'], { env })).code ===
        0;
      await done(root('loginctl', 'enable-linger', 'anna'));
      await until(lives, 'the user manager runs');
      const namesBefore = await list('/home/anna', runtime);
      await done(machine.run('anna', ['mkdir', '-p', '/home/anna/.config/iam-tokend'], { env }));
      const config = `store: file\nfile: { key: { key-file: /home/anna/.config/iam-tokend/key } }\niam: { endpoint: "${emulator.url}" }`;
      await done(
        machine.run(
          'anna',
          [
            'sh',
            '-c',
            `umask 077; echo '${config}' >~/.config/iam-tokend/config.yaml; head -c 32 /dev/urandom >~/.config/iam-tokend/key`,
          ],
          { env },
        ),
      );
      await done(anna(['install']));
      await done(anna(['login', '--stdin'], oauthToken));
      const token = await done(anna([]));
      await machine.reboot();
      assert.equal(await done(anna([])), token);
      assert.match(await done(anna(['status'])), /manager +iam-tokend\.service of systemd --user\n/);
      await done(anna(['uninstall', '--purge']));
      assert.equal(await list('/home/anna', runtime), namesBefore);
    });
  });
});
