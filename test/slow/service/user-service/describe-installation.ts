import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findHintLine } from '../../../conventions/hints/match-hint.ts';
import { closedInspectorOption } from '../../../../src/platform/inspector-option.ts';
import { type UserService, userServiceSocket } from '../../../support/systems/user-service.ts';
import { oauthToken } from '../../../support/test-environment.ts';
import { waitUntil } from '../../../support/wait-until.ts';

export function describeInstallation(service: UserService): void {
  it('installs from the packed tarball, accepts a login and serves a token', async () => {
    assert.equal(
      await service.expectSuccess(service.iamToken('install')),
      'iam-tokend is running as iam-tokend.service (systemd) and starts at login\n',
    );
    await service.expectSuccess(service.iamTokenWith(['login', '--stdin'], {}, oauthToken));
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
    assert.match(
      await service.expectSuccess(service.iamToken('status')),
      /service +iam-tokend\.service \(systemd --user\)\n/,
    );
    assert.equal(await service.readUnitProperty('UnitFileState'), 'enabled');
    assert.equal(await service.readUnitProperty('UnitFileState', 'iam-tokend.socket'), 'enabled');
  });

  it('stops with its socket, until it is installed again', async () => {
    await service.installAndLogIn();
    assert.match(
      await service.expectSuccess(service.iamToken('stop')),
      /^iam-tokend has stopped until your next session; to start it now: iam-token install/,
    );
    const { code, stderr } = await service.iamToken();
    assert.equal(code, 3);
    const install = findHintLine('service-manager.ts: iam-token install', stderr);
    assert.equal(await service.readUnitProperty('ActiveState', 'iam-tokend.socket'), 'inactive');
    await service.expectSuccess(service.type(install));
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
  });

  it('replaces a daemon that was started by hand', async () => {
    const manualDaemon = service.userManager.start([
      process.execPath,
      join(service.prefix, 'bin/iam-tokend'),
    ]);
    await waitUntil(async () => (await service.iamToken('profiles')).code === 0, 'it responds');
    assert.match(await service.expectSuccess(service.iamToken('status')), /service +none, started by hand\n/);
    const { stderr } = await service.iamToken('install');
    assert.match(stderr, /^iam-token: stopped the running daemon/m);
    await waitUntil(() => manualDaemon.exitCode !== null, 'it has exited');
    assert.match(await service.expectSuccess(service.iamToken('status')), /service +iam-tokend\.service/);
  });

  it('keeps configuration and credentials at uninstall, and purges them on request', async () => {
    await service.installAndLogIn();
    assert.match(
      await service.expectSuccess(service.iamToken('uninstall')),
      /credentials and configuration kept/,
    );
    assert.equal((await service.iamToken()).code, 3);
    assert.match(await service.listFilesAndUnits(), /profiles\.json/);
    assert.doesNotMatch(await service.listFilesAndUnits(), /\.service|\.socket|ipc\.sock/);
    await service.expectSuccess(service.iamToken('install'));
    assert.match(await service.expectSuccess(service.iamToken()), /^t1\./);
    await service.expectSuccess(service.iamToken('uninstall', '--purge'));
    const busctlArgs = ['busctl', '--user', 'get-property', 'org.freedesktop.secrets'];
    const collection = ['/org/freedesktop/secrets/collection/login', 'org.freedesktop.Secret.Collection'];
    assert.equal(
      await service.expectSuccess(service.userManager.run([...busctlArgs, ...collection, 'Items'])),
      'ao 0\n',
    );
  });

  it('E13: leaves nothing of its file store, its key and a socket that was bound again, after a purge', async () => {
    const filesBefore = await service.listFilesAndUnits();
    const keyPath = join(service.userManager.home, 'store.key');
    service.writeConfig(
      `store: file\nfile: { key: { key-file: ${keyPath} } }\niam: { endpoint: "${service.emulator.url}" }\n`,
    );
    await service.installAndLogIn();
    assert.ok(existsSync(keyPath));
    await service.expectSuccess(service.userManager.run(['rm', userServiceSocket]));
    await service.expectSuccess(
      service.userManager.run(['systemctl', '--user', 'reload', 'iam-tokend.service']),
    );
    const lockTest = ['test', '-e', `${userServiceSocket}.lock`];
    await waitUntil(
      async () => (await service.userManager.run(lockTest)).code === 0,
      'the daemon listens again',
    );
    await service.expectSuccess(service.iamToken('uninstall', '--purge'));
    service.writeConfig('');
    assert.equal(await service.listFilesAndUnits(), filesBefore);
  });

  it('warns of shell variables that a service does not inherit, and writes no configuration', async () => {
    const config = join(service.userManager.home, '.config/iam-tokend/config.yaml');
    const configBefore = readFileSync(config, 'utf8');
    const { stderr, code } = await service.iamTokenWith(['install'], {
      HTTPS_PROXY: 'http://anna:password@proxy.example:3128',
      SSL_CERT_FILE: '/etc/ssl/ours.pem',
      IAM_TOKEND_LOG_LEVEL: 'debug',
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /warning: the proxy of this shell includes a password/);
    assert.match(stderr, /warning: the service does not inherit .* \(caFile: \/etc\/ssl\/ours\.pem\)/);
    assert.match(stderr, /warning: the service does not inherit IAM_TOKEND_LOG_LEVEL/);
    assert.ok(!stderr.includes('anna:password'));
    assert.equal(readFileSync(config, 'utf8'), configBefore);
  });

  it('installs the docker helper, installs yc only with --yc, and removes both at uninstall', async () => {
    await service.installAndLogIn();
    const userBinFolder = join(service.userManager.home, '.local/bin');
    const runShell = (line: string, stdin = '') =>
      service.expectSuccess(
        service.userManager.run(['sh', '-c', `PATH="${userBinFolder}:$PATH"\n${line}`], { stdin }),
      );
    const token = await service.expectSuccess(service.iamToken());
    assert.equal(await runShell(`ls "${userBinFolder}"`), 'docker-credential-iam-token\niam-token\n');
    assert.deepEqual(JSON.parse(await runShell('docker-credential-iam-token get', 'cr.yandex\n')), {
      ServerURL: 'cr.yandex',
      Username: 'iam',
      Secret: token.trim(),
    });

    const usage = await service.iamToken('install', '--yc', '--system');
    assert.equal(usage.code, 2);
    const ownUser = 'install.ts: for your own user, without sudo: iam-token install --yc';
    const installYc = findHintLine(ownUser, usage.stderr).replace('for your own user, without sudo: ', '');
    const { code, stderr } = await service.type(installYc);
    assert.equal(code, 0);
    assert.match(stderr, /warning: ~\/\.local\/bin\/yc is not in your PATH\n/);
    // Any token: an installation restarts the daemon.
    assert.match(await runShell('yc iam create-token'), /^t1\.\S+\n$/);
    assert.doesNotMatch((await service.iamToken('install')).stderr, /warning/);
    assert.match(await runShell('yc iam create-token'), /^t1\.\S+\n$/, 'yc stays installed');
    assert.match(
      await service.expectSuccess(service.iamToken('install', '--dry-run')),
      new RegExp(`^# write ${userBinFolder}/yc$`, 'm'),
    );
    await service.expectSuccess(service.iamToken('uninstall'));
    assert.equal((await service.userManager.run(['ls', userBinFolder])).code, 2, 'the folder is removed too');

    await service.userManager.run(['mkdir', '-p', userBinFolder]);
    await service.userManager.run(['sh', '-c', `echo theirs > "${userBinFolder}/yc"`]);
    assert.match(
      (await service.iamToken('install', '--yc')).stderr,
      /warning: \S+\/yc belongs to another program and was left unchanged\n/,
    );
    await service.expectSuccess(service.iamToken('uninstall'));
    assert.equal(
      await runShell(`cat "${userBinFolder}/yc"; rm "${userBinFolder}/yc"; rmdir "${userBinFolder}"`),
      'theirs\n',
    );
  });

  it('prints in a dry run what it would write and run, and changes nothing', async () => {
    const filesBefore = await service.listFilesAndUnits();
    const output = await service.expectSuccess(service.iamToken('install', '--dry-run'));
    assert.equal(await service.listFilesAndUnits(), filesBefore);
    const program = join(service.prefix, 'lib/node_modules/iam-tokend/dist/bin/iam-tokend.js');
    assert.ok(
      output.includes(`# write ${service.userManager.home}/.config/systemd/user/iam-tokend.service\n`),
    );
    const execStart = `ExecStart="NODE" "${closedInspectorOption}" "${program.replace('%', '%%')}"\n`;
    assert.ok(output.replace(/^ExecStart="[^"]*\/node"/m, 'ExecStart="NODE"').includes(execStart), 'D6');
    assert.match(output, /^systemctl --user enable iam-tokend\.socket iam-tokend\.service$/m);
  });

  it('C3: names a mistake in the configuration before it starts the service', async () => {
    service.writeConfig('colour: red\n');
    const { code, stderr } = await service.iamToken('install');
    assert.equal(code, 2);
    assert.match(stderr, /error: .*config\.yaml:1: /);
    assert.match(stderr, /hint: correct .*config\.yaml, then run: iam-token install/);
    service.writeConfig('');
    await service.expectSuccess(service.iamToken('install'));
  });
}
