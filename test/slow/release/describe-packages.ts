import assert from 'node:assert/strict';
import { version } from '../../../src/shared/version.ts';
import type { Machine } from '../../support/systems/machine.ts';
import type { ProcessResult } from '../../support/systems/user-manager.ts';
import { oauthToken } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** A booted Debian without Node, with a release as /opt/iam-tokend. */
export interface NodelessMachine {
  readonly machine: Machine;
  readonly endpoint: string;
}

const debian = `/opt/iam-tokend/iam-tokend_${version}_amd64.deb`;
const archive = `/opt/iam-tokend/iam-tokend-${version}-linux-x64.tar.gz`;
const socket = '/run/iam-tokend/ipc.sock';
const portable = `/home/bob/my programs/iam-tokend-${version}-linux-x64/bin`;
const nodePath = '/usr/lib/iam-tokend/dist/native/linux-x64/node';
const runtimeFolder = 'XDG_RUNTIME_DIR=/run/user/$(id -u)';
/** Except what dpkg, systemd and the database of users note about what has been there, and caches. */
const listFiles = `{
  find /etc /home ! -path '*/.cache*' ! -name '*-' ! -name .pwd.lock
  find /root /var/lib /var/log /usr/bin /run/iam-tokend -maxdepth 1
  find /usr/lib /usr/share -xdev -maxdepth 4 -name '*iam-tok*'
} 2>/dev/null | sort`;

/** The tests follow each other: they install, use and purge the packages for three users of the machine. */
export function describePackages(getMachine: () => NodelessMachine): void {
  const shell = (user: string, script: string, stdin = ''): Promise<ProcessResult> => {
    const home = user === 'root' ? '/root' : `/home/${user}`;
    const options = { stdin, env: { HOME: home, LANG: 'C.UTF-8' } };
    return getMachine().machine.run(user, ['env', '--chdir', home, 'sh', '-c', script], options);
  };
  async function succeed(user: string, script: string, stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await shell(user, script, stdin);
    assert.equal(code, 0, `${script}\n${stderr}${stdout}`);
    return stdout;
  }
  const asRoot = (script: string): Promise<string> => succeed('root', script);
  /** Runs a command in the session of a user. */
  const inSession = (user: string, command: string, stdin = ''): Promise<string> =>
    succeed(user, `export ${runtimeFolder}; ${command}`, stdin);
  let filesBefore: string;

  /** With a running user manager, and a file store in place of a keychain. */
  async function createUser(user: string): Promise<void> {
    await asRoot(`useradd --create-home ${user} && loginctl enable-linger ${user}`);
    const query = `${runtimeFolder} systemctl --user is-active default.target`;
    await waitUntil(async () => (await shell(user, query)).code === 0, 'the user manager runs', 60_000);
    const config = `store: file\nfile: { key-file: /home/${user}/.config/iam-tokend/key }\niam: { endpoint: "${getMachine().endpoint}" }`;
    await succeed(
      user,
      `umask 077; mkdir -p ~/.config/iam-tokend && cd ~/.config/iam-tokend && echo '${config}' >config.yaml && head -c 32 /dev/urandom >key`,
    );
  }

  it('there is no Node and no iam-token at first', async () => {
    for (const program of ['node', 'nodejs', 'npm', 'iam-token'])
      assert.equal(await asRoot(`command -v ${program} || echo none`), 'none\n');
    filesBefore = await asRoot(listFiles);
  });

  it('the .deb names an older installation that comes first in PATH, and its install replaces the unit of that', async () => {
    await createUser('anna');
    await asRoot(
      'ln -s /opt/iam-tokend/npm/lib/node_modules/iam-tokend/dist/bin/iam-token.js /usr/local/bin/iam-token',
    );
    const unit = '~/.config/systemd/user/iam-tokend.service';
    await succeed(
      'anna',
      `mkdir -p ~/.config/systemd/user && echo "[Service]\nExecStart=/bin/false" >${unit}`,
    );
    const { code, stderr } = await shell('root', `dpkg --install ${debian}`);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^iam-tokend: \/usr\/local\/bin\/iam-token comes before \/usr\/bin\/iam-token in PATH/m,
    );
    assert.match(
      await inSession('anna', '/usr/bin/iam-token install --dry-run'),
      /^rm '?\/home\/anna\/\.config\/systemd\/user\/iam-tokend\.service'?$/m,
    );
    assert.match(await inSession('anna', '/usr/bin/iam-token install'), /is running as iam-tokend\.service/);
    const fragment = 'systemctl --user show --value --property=FragmentPath iam-tokend.service';
    assert.equal(await inSession('anna', fragment), '/usr/lib/systemd/user/iam-tokend.service\n');
    const doctor = await shell('anna', `${runtimeFolder} /usr/bin/iam-token doctor`);
    assert.match(doctor.stdout, /\/usr\/local\/bin\/iam-token runs Node at each call/);
    await asRoot('rm /usr/local/bin/iam-token');
  });

  it('a user with the .deb, one with the tar.gz, and root for the system log in', async () => {
    await inSession('anna', 'iam-token login --stdin', oauthToken);
    await createUser('bob');
    await succeed(
      'bob',
      `mkdir ~/'my programs' && tar --extract --file ${archive} --directory ~/'my programs'`,
    );
    await inSession('bob', `'${portable}/iam-token' install`);
    await inSession('bob', `'${portable}/iam-token' login --stdin`, oauthToken);
    await asRoot('iam-token install --system');
    await asRoot(
      `echo 'iam: { endpoint: "${getMachine().endpoint}" }' >>/etc/iam-tokend/config.yaml && systemctl reload iam-tokend`,
    );
    await succeed('root', `iam-token login --stdin --socket ${socket}`, oauthToken);
    assert.doesNotMatch(
      await asRoot('ls /etc/systemd/system /etc/sysusers.d 2>/dev/null || true'),
      /iam-tokend/,
      'the units are those of the package',
    );
  });

  it('each has the same token after a reboot', async () => {
    const readTokens = (): Promise<readonly string[]> =>
      Promise.all([
        inSession('anna', 'iam-token'),
        inSession('bob', `'${portable}/iam-token'`),
        asRoot(`iam-token --socket ${socket}`),
      ]);
    const tokens = await readTokens();
    for (const token of tokens) assert.match(token, /^t1\./);
    await getMachine().machine.reboot();
    assert.deepEqual(await readTokens(), tokens);
  });

  it('the daemons run with the Node of their package, in their units', async () => {
    assert.equal(await asRoot('iam-tokend --version'), `iam-tokend ${version}\n`);
    const readProgram = 'readlink "/proc/$(systemctl show --value --property=MainPID iam-tokend)/exe"';
    assert.equal(await asRoot(readProgram), `${nodePath}\n`);
    assert.match(
      await inSession('anna', 'iam-token status'),
      /service +iam-tokend\.service \(systemd --user\)\n/,
    );
    const pid = await inSession('bob', 'systemctl --user show --value --property=MainPID iam-tokend');
    assert.equal(
      await asRoot(`readlink /proc/${pid.trim()}/exe`),
      `${portable.replace(/bin$/, '')}lib/iam-tokend/dist/native/linux-x64/node\n`,
    );
    const docker = await inSession('bob', `'${portable}/docker-credential-iam-token' get`, 'cr.yandex');
    assert.match(docker, /"Secret":"t1\./);
  });

  it('the manual pages and completions are where the programs of the system look for them', async () => {
    await asRoot('gzip --test /usr/share/man/man1/iam-token.1.gz /usr/share/man/man8/iam-tokend.8.gz');
    await asRoot(
      'bash -c ". /usr/share/bash-completion/completions/iam-token && complete -p iam-token"; test -s /usr/share/zsh/vendor-completions/_iam-token; test -s /usr/share/fish/vendor_completions.d/iam-token.fish',
    );
  });

  it('an upgrade of the .deb restarts its daemons, and drops no request', async () => {
    const readPid = 'systemctl show --value --property=MainPID iam-tokend';
    const readPids = (): Promise<readonly string[]> =>
      Promise.all([asRoot(readPid), inSession('anna', readPid.replace('systemctl', 'systemctl --user'))]);
    const pids = await readPids();
    const requests = succeed(
      'anna',
      `export ${runtimeFolder}; while [ ! -e ~/stop ]; do iam-token --format none || exit; touch ~/started; sleep 0.02; done`,
    );
    await waitUntil(
      async () => (await shell('anna', '[ -e ~/started ]')).code === 0,
      'requests are sent',
      60_000,
    );
    await asRoot(`dpkg --install ${debian}`);
    await succeed('anna', `${runtimeFolder} iam-token --format none; touch ~/stop`);
    await requests;
    const newPids = await readPids();
    for (const [index, pid] of newPids.entries()) assert.notEqual(pid, pids[index]);
    assert.match(await asRoot(`iam-token --socket ${socket}`), /^t1\./);
  });

  it('a removal of the .deb keeps the daemon of another installation, and stops its own', async () => {
    await asRoot('dpkg --remove iam-tokend');
    const isActive = 'systemctl --user is-active iam-tokend.service || true';
    assert.equal(await inSession('bob', isActive), 'active\n');
    assert.equal(await inSession('anna', isActive), 'inactive\n');
    assert.equal(await asRoot(isActive.replace('--user', '--system')), 'inactive\n');
    await asRoot(`dpkg --install ${debian} && iam-token install --system`);
    assert.match(await asRoot(`iam-token --socket ${socket}`), /^t1\./);
    await inSession('anna', 'iam-token install');
    assert.match(await inSession('anna', 'iam-token'), /^t1\./);
  });

  it('a purge leaves nothing', async () => {
    await inSession('anna', 'iam-token uninstall --purge');
    await inSession('bob', `'${portable}/iam-token' uninstall --purge`);
    assert.equal(
      await asRoot("find /home/anna /home/bob -name '*iam-tok*' ! -path '/home/bob/my programs/*'"),
      '',
    );
    await asRoot('dpkg --purge iam-tokend');
    await asRoot(
      'loginctl disable-linger anna; loginctl disable-linger bob; systemctl stop user.slice; userdel --remove anna; userdel --remove bob',
    );
    const before = filesBefore.split('\n');
    const files = (await asRoot(listFiles)).split('\n');
    assert.deepEqual(
      [...files.filter((each) => !before.includes(each)), ...before.filter((each) => !files.includes(each))],
      [],
    );
    assert.equal(await asRoot('getent passwd iam-tokend || getent group iam-tokend || echo none'), 'none\n');
    assert.equal(await asRoot("systemctl list-unit-files 'iam-tok*' --no-legend || true"), '');
  });
}
