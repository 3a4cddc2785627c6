import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { root } from '../house/source-tree.ts';
import type { Asked } from '../support/asking-clients.ts';
import { installPacked } from '../support/packed-installation.ts';
import { runInTerminal, type Step } from '../support/pseudo-terminal.ts';
import { realClock } from '../support/real-clock.ts';
import { oauthToken } from '../support/running-house.ts';
import { until } from '../support/until.ts';
import { logIn, noUserManager, type Result, type UserManager } from '../support/user-manager.ts';

const socket = '/run/user/61234/iam-tokend/ipc.sock';

describe('iam-tokend under a real systemd --user', function () {
  this.timeout(60_000);
  let person: UserManager;
  let emulator: Emulator;
  let prefix: string;
  let namesBefore: string;

  before(async function () {
    if (noUserManager() !== null) this.skip();
    emulator = await startEmulator({ clock: realClock(), oauthAccounts: [{ token: oauthToken }] });
    person = await logIn();
    prefix = join(person.folder, 'a prefix 100%');
    installPacked(prefix);
    person.start(['gnome-keyring-daemon', '--foreground', '--components=secrets', '--unlock'], {
      stdin: 'test',
    });
    const secrets = ['busctl', '--user', 'status', 'org.freedesktop.secrets'];
    await until(async () => (await person.run(secrets)).code === 0, 'there is a keyring');
  });

  after(async () => {
    await person?.logOut();
    await emulator?.close();
  });

  beforeEach(async () => {
    namesBefore = await everything();
    configure(`iam: { endpoint: "${emulator.url}" }\n`);
  });

  afterEach(async () => {
    await iamToken('uninstall', '--purge');
    assert.equal(await everything(), namesBefore, 'nothing is left');
  });

  const iamToken = (...args: readonly string[]): Promise<Result> => iamTokenWith(args);
  const iamTokenWith = (args: readonly string[], env = {}, stdin = ''): Promise<Result> =>
    person.run([process.execPath, join(prefix, 'bin/iam-token'), ...args], { env, stdin });

  /** All names in the person's home and runtime folder, and all units; but for what a keyring keeps there. */
  async function everything(): Promise<string> {
    const names = await person.run(['find', person.home, '/run/user/61234', '-not', '-path', '*keyring*']);
    const units = await person.run(['systemctl', '--user', 'list-units', '--all', '--plain', '--no-legend']);
    const ours = units.stdout.split('\n').filter((line) => line.includes('iam-token'));
    // systemd's own: a note of each unit that has run.
    const stay = names.stdout
      .split('\n')
      .filter((name) => !/\/\.cache|\/\.local(\/share)?$|\/systemd\/units/.test(name));
    return [...stay.toSorted(), ...ours].join('\n');
  }

  function configure(text: string): void {
    const folder = join(person.home, '.config/iam-tokend');
    const { uid, gid } = statSync(person.home);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'config.yaml'), text);
    for (const each of [join(person.home, '.config'), folder, join(folder, 'config.yaml')])
      chownSync(each, uid, gid);
  }

  async function done(result: Promise<Result>): Promise<string> {
    const { stdout, stderr, code } = await result;
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async function installAndLogIn(): Promise<void> {
    await done(iamToken('install'));
    await done(iamTokenWith(['login', '--stdin'], {}, oauthToken));
  }

  /** By a drop-in of the person's own. */
  async function changeUnit(settings: string): Promise<void> {
    const folder = join(person.home, '.config/systemd/user/iam-tokend.service.d');
    await person.run(['mkdir', '-p', folder]);
    writeFileSync(join(folder, 'test.conf'), `[Service]\n${settings}\n`);
    await done(iamToken('install'));
  }

  async function property(name: string, unit = 'iam-tokend.service'): Promise<string> {
    const { stdout } = await person.run([
      'systemctl',
      '--user',
      'show',
      '--value',
      `--property=${name}`,
      unit,
    ]);
    return stdout.trim();
  }

  const pid = async (): Promise<number> => Number(await property('MainPID'));
  const proc = async (name: string): Promise<string> => readFileSync(`/proc/${await pid()}/${name}`, 'utf8');

  /** Runs `work` while fifty clients ask; none of them may be refused, and each must be answered meanwhile. */
  async function underFiftyClients(work: () => Promise<void>): Promise<Asked> {
    const [program, ...args] = person.command([
      process.execPath,
      join(root, 'dist/test/support/asking-clients.js'),
      join(prefix, 'lib/node_modules/iam-tokend/dist/src/client/iam-token-client.js'),
      '50',
    ]);
    const clients = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(clients.stdout);
    assert.deepEqual(await once(lines, 'line'), ['asking']);
    const result = once(lines, 'line') as Promise<[string]>;
    await work();
    await done(iamToken());
    clients.stdin.end();
    return JSON.parse((await result)[0]) as Asked;
  }

  it('is installed from the packed tarball, logged in to, and gives out a token', async () => {
    assert.equal(
      await done(iamToken('install')),
      'the daemon runs as iam-tokend.service of systemd, and starts with each session\n',
    );
    await done(iamTokenWith(['login', '--stdin'], {}, oauthToken));
    assert.match(await done(iamToken()), /^t1\./);
    assert.match(await done(iamToken('status')), /manager +iam-tokend\.service of systemd --user\n/);
    assert.equal(await property('UnitFileState'), 'enabled');
    assert.equal(await property('UnitFileState', 'iam-tokend.socket'), 'enabled');
  });

  it('listens on a socket that nobody else may open, in a folder that nobody else may enter', async () => {
    await installAndLogIn();
    const { stdout } = await person.look(['stat', '--format=%a %U %F', socket, join(socket, '..')]);
    assert.equal(stdout, '600 iam-tokend-test socket\n700 iam-tokend-test directory\n');
  });

  it('is started by whoever asks first, and told by systemd that it is ready', async () => {
    await installAndLogIn();
    await person.run(['systemctl', '--user', 'stop', 'iam-tokend.service']);
    assert.equal(await pid(), 0);
    assert.match(await done(iamToken()), /^t1\./);
    assert.equal(await property('SubState'), 'running');
  });

  it('lets nobody down who asks while it is killed twenty times', async () => {
    await installAndLogIn();
    const killed = new Set<number>();
    const { failures, fewest } = await underFiftyClients(async () => {
      while (killed.size < 20) {
        const victim = await pid();
        // 0 while none runs.
        if (victim === 0 || killed.has(victim)) continue;
        killed.add(victim);
        process.kill(victim, 'SIGKILL');
      }
    });
    assert.deepEqual(failures, []);
    assert.ok(fewest > 0);
  });

  it('lets nobody down who asks while it is upgraded', async () => {
    await installAndLogIn();
    const old = await pid();
    const { failures, fewest } = await underFiftyClients(async () => void (await done(iamToken('install'))));
    assert.notEqual(await pid(), old);
    assert.deepEqual(failures, []);
    assert.ok(fewest > 0);
  });

  it('is killed by the watchdog when it hangs, and comes back', async () => {
    await installAndLogIn();
    await changeUnit('WatchdogSec=1s');
    const hanging = await pid();
    process.kill(hanging, 'SIGSTOP');
    assert.match(await done(iamToken()), /^t1\./);
    assert.notEqual(await pid(), hanging);
    assert.equal(await property('NRestarts'), '1');
  });

  it('may do little: no new rights, no foreign sockets, no core, and files of its own for nobody else', async () => {
    await installAndLogIn();
    const status = await proc('status');
    for (const line of [/^NoNewPrivs:\t1$/m, /^Seccomp:\t2$/m, /^Umask:\t0077$/m]) assert.match(status, line);
    assert.match(await proc('limits'), /^Max core file size +0 +0 /m);
    // A program of the same unit tries AF_UNIX, AF_INET, AF_VSOCK and AF_PACKET, and writes down the errors.
    const probe = 'print join(" ", map { socket(my $s, $_, 1, 0) ? 0 : $!+0 } 1, 2, 40, 17)';
    writeFileSync(join(person.folder, 'probe.pl'), probe);
    await changeUnit(`ExecStartPost=/bin/sh -c 'perl ${person.folder}/probe.pl >%h/probe'`);
    const refused = 97; // EAFNOSUPPORT
    assert.equal(readFileSync(join(person.home, 'probe'), 'utf8'), `0 0 ${refused} ${refused}`);
    await person.run(['rm', join(person.home, 'probe')]);
  });

  it('sees little of the machine, and works, with the drop-in for a user namespace', async function () {
    if ((await person.run(['unshare', '--user', 'true'])).code !== 0) this.skip();
    await installAndLogIn();
    configure(
      `iam: { endpoint: "${emulator.url}" }\nhttp: { socket: true }\nmetadata: { listen: 127.0.0.1:0 }\n`,
    );
    const dropIn = readFileSync(join(root, 'systemd/iam-tokend.service.d/user-namespace.conf'), 'utf8');
    // This home lies below /tmp, of which the unit has one of its own.
    await changeUnit(`${dropIn}\nBindPaths=${person.folder}`);
    assert.match(await proc('uid_map'), /^\s*61234\s+61234\s+1\n$/);
    const mounts = await proc('mountinfo');
    for (const readOnly of ['/', '/proc/sys', '/sys/fs/cgroup'])
      assert.match(mounts, new RegExp(` ${readOnly} ro,`), readOnly);
    assert.deepEqual(
      (await person.run(['ls', `/proc/${await pid()}/root/tmp`])).stdout.split('\n').length,
      2,
    );
    await done(iamToken('refresh'));
    const httpSocket = join(dirname(socket), 'http.sock');
    const token = await done(iamToken());
    const viaSocket = ['curl', '-s', '--unix-socket', httpSocket, 'http://localhost/v1/token'];
    assert.ok((await done(person.run(viaSocket))).includes(token.trim()));
    const { daemon } = JSON.parse(await done(iamToken('status', '--json'))) as {
      daemon: { metadataAddress: string };
    };
    const url = `http://${daemon.metadataAddress}/computeMetadata/v1/instance/service-accounts/default/token`;
    const metadata = ['curl', '-s', '-H', 'Metadata-Flavor: Google', url];
    assert.ok((await done(person.run(metadata))).includes(token.trim()), 'the uid is known there');
    assert.match(
      (await done(person.look(metadata))).trim(),
      /"code":"bad_request"/,
      'and a foreign one is refused',
    );
    await done(iamToken('logout'));
  });

  it('writes lines with their priority and without a time into the journal', async () => {
    await installAndLogIn();
    // Something to warn of.
    const frame = String.raw`{"type":"iam-token","data":5}\f`;
    const script = `require('net').connect('${socket}').on('close', () => process.exit()).write('${frame}')`;
    await done(person.run([process.execPath, '-e', script]));
    const query = ['journalctl', '--output=json', '--identifier=iam-tokend'];
    const entries = async (): Promise<readonly Readonly<Record<string, string>>[]> =>
      (await person.look(query)).stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, string>);
    const messages = async (priority: string): Promise<readonly string[]> =>
      (await entries()).filter(({ PRIORITY }) => PRIORITY === priority).map(({ MESSAGE }) => MESSAGE ?? '');
    await until(async () => (await messages('4')).length > 0, 'the warning is in the journal');
    assert.match((await messages('4')).join('\n'), /^closed a connection: /m);
    assert.match((await messages('6')).join('\n'), /^logged in profile="default" /m);
    assert.doesNotMatch((await entries()).map(({ MESSAGE }) => MESSAGE).join('\n'), /\d\d:\d\d|^<\d>/m);
  });

  it('stops through systemd, socket and all, until it is started again', async () => {
    await installAndLogIn();
    assert.match(
      await done(iamToken('stop')),
      /^the daemon has stopped, until the next session or iam-token install/,
    );
    const { code, stderr } = await iamToken();
    assert.equal(code, 3);
    assert.match(stderr, /hint: iam-token install\n/);
    assert.equal(await property('ActiveState', 'iam-tokend.socket'), 'inactive');
    await done(iamToken('install'));
    assert.match(await done(iamToken()), /^t1\./);
  });

  it('takes the place of a daemon that was started by hand', async () => {
    const byHand = person.start([process.execPath, join(prefix, 'bin/iam-tokend')]);
    await until(async () => (await iamToken('profiles')).code === 0, 'it answers');
    assert.match(await done(iamToken('status')), /manager +none\n/);
    const { stderr } = await iamToken('install');
    assert.match(stderr, /^iam-token: stopped the daemon that ran so far/m);
    await until(() => byHand.exitCode !== null, 'it has ended');
    assert.match(await done(iamToken('status')), /manager +iam-tokend\.service/);
  });

  it('leaves configuration and credentials when it is uninstalled', async () => {
    await installAndLogIn();
    assert.match(await done(iamToken('uninstall')), /configuration and credentials stay/);
    assert.equal((await iamToken()).code, 3);
    assert.match(await everything(), /profiles\.json/);
    assert.doesNotMatch(await everything(), /\.service|\.socket|ipc\.sock/);
    await done(iamToken('install'));
    assert.match(await done(iamToken()), /^t1\./);
    await done(iamToken('uninstall', '--purge'));
    const items = ['busctl', '--user', 'get-property', 'org.freedesktop.secrets'];
    const collection = ['/org/freedesktop/secrets/collection/login', 'org.freedesktop.Secret.Collection'];
    assert.equal(await done(person.run([...items, ...collection, 'Items'])), 'ao 0\n');
  });

  it('warns of what the shell has and a service does not see, and writes nothing unasked', async () => {
    const config = join(person.home, '.config/iam-tokend/config.yaml');
    const asItIs = readFileSync(config, 'utf8');
    const { stderr, code } = await iamTokenWith(['install'], {
      HTTPS_PROXY: 'http://anna:password@proxy.example:3128',
      SSL_CERT_FILE: '/etc/ssl/ours.pem',
      IAM_TOKEND_LOG_LEVEL: 'debug',
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning: the proxy of this shell has a password/);
    assert.match(stderr, /warning: .* caFile: \/etc\/ssl\/ours\.pem, and a service does not see/);
    assert.match(stderr, /warning: IAM_TOKEND_LOG_LEVEL is set here/);
    assert.ok(!stderr.includes('anna:password'));
    assert.equal(readFileSync(config, 'utf8'), asItIs);
  });

  it('puts what docker calls on the path, and a yc only for one who asks, and takes both away', async () => {
    await installAndLogIn();
    const own = join(person.home, '.local/bin');
    const ask = (line: string, stdin = '') =>
      done(person.run(['sh', '-c', `PATH="${own}:$PATH"\n${line}`], { stdin }));
    const token = await done(iamToken());
    assert.equal(await ask(`ls "${own}"`), 'docker-credential-iam-token\n');
    assert.deepEqual(JSON.parse(await ask('docker-credential-iam-token get', 'cr.yandex\n')), {
      ServerURL: 'cr.yandex',
      Username: 'iam',
      Secret: token.trim(),
    });

    const { code, stderr } = await iamToken('install', '--yc');
    assert.equal(code, 0);
    assert.match(stderr, /warning: yc is not on your PATH yet\n/);
    // Not the same one always: an installation starts the daemon anew.
    assert.match(await ask('yc iam create-token'), /^t1\.\S+\n$/);
    assert.equal((await iamToken('install')).stderr, '');
    assert.match(await ask('yc iam create-token'), /^t1\.\S+\n$/, 'what was asked for stays');
    assert.match(await done(iamToken('install', '--dry-run')), new RegExp(`^# write ${own}/yc$`, 'm'));
    await done(iamToken('uninstall'));
    assert.equal((await person.run(['ls', own])).code, 2, 'the folder is gone too');

    await person.run(['mkdir', '-p', own]);
    await person.run(['sh', '-c', `echo theirs > "${own}/yc"`]);
    assert.match(
      (await iamToken('install', '--yc')).stderr,
      /warning: \S+\/yc is not ours, and stays as it is\n/,
    );
    await done(iamToken('uninstall'));
    assert.equal(await ask(`cat "${own}/yc"; rm "${own}/yc"; rmdir "${own}"`), 'theirs\n');
  });

  it('says in a dry run what it would write and run, and does nothing', async () => {
    const as_is = await everything();
    const said = await done(iamToken('install', '--dry-run'));
    assert.equal(await everything(), as_is);
    const program = join(prefix, 'lib/node_modules/iam-tokend/dist/bin/iam-tokend.js');
    assert.ok(said.includes(`# write ${person.home}/.config/systemd/user/iam-tokend.service\n`));
    assert.match(said, /^ExecStart="[^"]*\/node" "/m);
    assert.ok(said.includes(`"${program.replace('%', '%%')}"\n`));
    assert.match(said, /^systemctl --user enable iam-tokend\.socket iam-tokend\.service$/m);
  });

  it('says where to look when it does not start', async () => {
    configure('colour: red\n');
    const { code, stderr } = await iamToken('install');
    assert.equal(code, 1);
    assert.match(stderr, /hint: journalctl --user --unit iam-tokend\.service/);
    configure('{}\n');
    await done(iamToken('install'));
  });

  describe('on a terminal', () => {
    const inTerminal = (args: readonly string[], steps: readonly Step[], env = {}) =>
      runInTerminal(args, steps, {
        program: person.command([process.execPath, join(prefix, 'bin/iam-token')], { TERM: 'xterm', ...env }),
      });

    it('is installed by the login of a person who says yes', async () => {
      const { screen, code } = await inTerminal(
        ['login'],
        [
          { expect: 'install it, to start now and with each session? [Y/n]', type: ['\n'] },
          { expect: 'not shown', type: [oauthToken, '\n'] },
        ],
      );
      assert.equal(code, 0, screen);
      assert.match(screen, /logged in as /);
      assert.ok(!screen.includes(oauthToken));
      assert.match(await done(iamToken()), /^t1\./);
    });

    it('is not installed for one who says no, and never without a terminal', async () => {
      const { screen, code } = await inTerminal(['login'], [{ expect: '[Y/n]', type: ['n\n'] }]);
      assert.equal(code, 3);
      assert.match(screen, /hint: iam-token install/);
      assert.equal((await iamTokenWith(['login', '--stdin'], {}, oauthToken)).code, 3);
      assert.equal(await property('LoadState'), 'not-found');
    });

    it("has the shell's proxy and authorities written down, and lingering asked for", async () => {
      const fake = join(person.folder, 'fake');
      mkdirSync(fake);
      writeFileSync(
        join(fake, 'loginctl'),
        `#!/bin/sh\n[ "$1" = show-user ] && echo no || echo "$@" >>"$HOME/asked"\n`,
        { mode: 0o755 },
      );
      const { screen, code } = await inTerminal(
        ['install'],
        [
          { expect: 'write it into', type: ['\n'] },
          { expect: 'stays locked until you log in', type: ['y\n'] },
        ],
        {
          HTTPS_PROXY: 'http://proxy.example:3128',
          NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
          PATH: `${fake}:/usr/local/bin:/usr/bin:/bin`,
        },
      );
      assert.equal(code, 0, screen);
      assert.equal(readFileSync(join(person.home, 'asked'), 'utf8'), 'enable-linger\n');
      await person.run(['rm', join(person.home, 'asked')]);
      assert.match(readFileSync(join(person.home, '.config/iam-tokend/config.yaml'), 'utf8'), /proxy/);
    });
  });
});
