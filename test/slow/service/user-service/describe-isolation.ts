import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findHintLine } from '../../../conventions/hints/match-hint.ts';
import { root } from '../../../conventions/source-tree.ts';
import { type UserService, userServiceSocket } from '../../../support/systems/user-service.ts';

export function describeIsolation(service: UserService): void {
  it('creates its socket and the folder of the socket for the user only', async () => {
    await service.installAndLogIn();
    const { stdout } = await service.userManager.runAsRoot([
      'stat',
      '--format=%a %U %F',
      userServiceSocket,
      dirname(userServiceSocket),
    ]);
    assert.equal(stdout, '600 iam-tokend-test socket\n700 iam-tokend-test directory\n');
  });

  it('runs without new privileges, other address families and core dumps, with a private umask', async () => {
    await service.installAndLogIn();
    const status = await service.readProc('status');
    for (const line of [/^NoNewPrivs:\t1$/m, /^Seccomp:\t2$/m, /^Umask:\t0077$/m]) assert.match(status, line);
    assert.match(await service.readProc('limits'), /^Max core file size +0 +0 /m);
    // A program of the same unit tries AF_UNIX, AF_INET, AF_VSOCK and AF_PACKET, and records the errors.
    const probe = 'print join(" ", map { socket(my $s, $_, 1, 0) ? 0 : $!+0 } 1, 2, 40, 17)';
    writeFileSync(join(service.userManager.folder, 'probe.pl'), probe);
    await service.addUnitDropIn(
      `ExecStartPost=/bin/sh -c 'perl ${service.userManager.folder}/probe.pl >%h/probe'`,
    );
    const eafnosupport = 97; // EAFNOSUPPORT
    assert.equal(
      readFileSync(join(service.userManager.home, 'probe'), 'utf8'),
      `0 0 ${eafnosupport} ${eafnosupport}`,
    );
    await service.userManager.run(['rm', join(service.userManager.home, 'probe')]);
  });

  it('A1: unsets what the environment of the user manager could weaken, and doctor names it', async () => {
    await service.installAndLogIn();
    const systemctl = (...args: readonly string[]) =>
      service.expectSuccess(service.userManager.run(['systemctl', '--user', ...args]));
    const names = ['NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_OPTIONS', 'SSLKEYLOGFILE'];
    const keyLog = join(service.userManager.home, 'keys');
    try {
      await systemctl(
        'set-environment',
        'NODE_TLS_REJECT_UNAUTHORIZED=0',
        `NODE_OPTIONS=--tls-keylog=${keyLog}`,
        `SSLKEYLOGFILE=${keyLog}`,
      );
      await service.expectSuccess(service.iamToken('install'));
      const environment = await service.readProc('environ');
      assert.deepEqual(
        names.filter((name) => environment.includes(`${name}=`)),
        [],
      );
      const output = await service.expectSuccess(service.iamToken('doctor'));
      assert.match(
        output,
        /^warning +environment +systemd sets for every service: NODE_TLS_REJECT_UNAUTHORIZED, which can turn off/m,
      );
      const unset = findHintLine('environment-check.ts: systemctl ${} unset-environment ${}', output);
      await service.expectSuccess(service.type(unset));
      assert.match(await service.expectSuccess(service.iamToken('doctor')), /^ok +environment/m);
    } finally {
      await systemctl('unset-environment', ...names);
    }
  });

  it('works with the drop-in for a user namespace, on read-only mounts', async function () {
    if ((await service.userManager.run(['unshare', '--user', 'true'])).code !== 0) this.skip();
    await service.installAndLogIn();
    service.writeConfig(
      `iam: { endpoint: "${service.emulator.url}" }\nhttp: { socket: true }\nmetadata: { listen: 127.0.0.1:0 }\n`,
    );
    const dropIn = readFileSync(join(root, 'systemd/iam-tokend.service.d/user-namespace.conf'), 'utf8');
    // This home is below /tmp, which is private in the unit.
    await service.addUnitDropIn(`${dropIn}\nBindPaths=${service.userManager.folder}`);
    assert.match(await service.readProc('uid_map'), /^\s*61234\s+61234\s+1\n$/);
    const mounts = await service.readProc('mountinfo');
    for (const readOnly of ['/', '/proc/sys', '/sys/fs/cgroup'])
      assert.match(mounts, new RegExp(` ${readOnly} ro,`), readOnly);
    assert.deepEqual(
      (await service.userManager.run(['ls', `/proc/${await service.readMainPid()}/root/tmp`])).stdout.split(
        '\n',
      ).length,
      2,
    );
    await service.expectSuccess(service.iamToken('refresh'));
    const httpSocket = join(dirname(userServiceSocket), 'http', 'http.sock');
    const token = await service.expectSuccess(service.iamToken());
    const curlCommand = ['curl', '-s', '--unix-socket', httpSocket, 'http://localhost/v1/token'];
    assert.ok((await service.expectSuccess(service.userManager.run(curlCommand))).includes(token.trim()));
    const { daemon } = JSON.parse(await service.expectSuccess(service.iamToken('status', '--json'))) as {
      daemon: { metadataAddress: string };
    };
    const url = `http://${daemon.metadataAddress}/computeMetadata/v1/instance/service-accounts/default/token`;
    const metadataCommand = ['curl', '-s', '-H', 'Metadata-Flavor: Google', url];
    assert.ok(
      (await service.expectSuccess(service.userManager.run(metadataCommand))).includes(token.trim()),
      'the uid is recognized in the namespace',
    );
    assert.match(
      (await service.expectSuccess(service.userManager.runAsRoot(metadataCommand))).trim(),
      /"code":"forbidden"/,
      'another uid is rejected',
    );
    await service.expectSuccess(service.iamToken('logout'));
  });

  it('D1: tells a terminal from a service with PrivateUsers=, with the drop-in for a user namespace too', async function () {
    if ((await service.userManager.run(['unshare', '--user', 'true'])).code !== 0) this.skip();
    await service.installAndLogIn();
    const dropIn = readFileSync(join(root, 'systemd/iam-tokend.service.d/user-namespace.conf'), 'utf8');
    const refreshCommand = [process.execPath, join(service.prefix, 'bin/iam-token'), 'refresh'];
    const runAsUnit = (...properties: readonly string[]) =>
      service.userManager.run([
        'systemd-run',
        '--user',
        '--pipe',
        '--wait',
        '--collect',
        '--quiet',
        ...properties,
        ...refreshCommand,
      ]);
    for (const settings of [null, `${dropIn}\nBindPaths=${service.userManager.folder}`]) {
      if (settings !== null) await service.addUnitDropIn(settings);
      await service.expectSuccess(service.iamToken('refresh'));
      await service.expectSuccess(runAsUnit());
      const { code, stderr } = await runAsUnit('--property=PrivateUsers=yes');
      assert.equal(code, 2, stderr);
      assert.match(stderr, /a program in a container may not call refresh \(.*; another .*user namespace\)/);
    }
    // systemd-run leaves this folder.
    const transientUnits = join(dirname(dirname(userServiceSocket)), 'systemd/transient');
    await service.expectSuccess(service.userManager.run(['rm', '-r', transientUnits]));
  });
}
