import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { version } from '../../../src/shared/version.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { installTarball } from '../../support/processes/package-tarball.ts';
import { waitForExit, type ProcessResult } from '../../support/processes/process-result.ts';
import { firstRelease } from '../../support/releases/first-release.ts';
import { bootMachine, getMachineSkipReason, type Machine } from '../../support/systems/machine.ts';
import { oauthToken } from '../../support/test-environment.ts';
import { createRealClock } from '../../support/time/real-clock.ts';
import { describeContents } from './describe-contents.ts';
import { describePackages } from './describe-packages.ts';
import { createMinimalSystem, type MinimalSystem } from './minimal-system.ts';
import {
  buildTwice,
  cloneCheckout,
  findImageBase,
  installReleaseTools,
  provideNativeClients,
} from './release-build.ts';

const packageNames = [
  `iam-tokend-${version}-linux-arm64.tar.gz`,
  `iam-tokend-${version}-linux-x64.tar.gz`,
  `iam-tokend_${version}_amd64.deb`,
  `iam-tokend_${version}_arm64.deb`,
];
const names = [
  'RELEASE_NOTES.md',
  'SHA256SUMS',
  `iam-tokend-${version}-image.tar`,
  `iam-tokend-${version}.cdx.json`,
  `iam-tokend-${version}.tgz`,
  ...packageNames,
].toSorted();
const lintianArgs = ['--fail-on', 'error,warning', '--allow-root', '--tag-display-limit', '0'];

describe('release', function () {
  this.timeout(900_000);
  let folder: string;
  let emulator: Emulator;
  let lintian: Promise<ProcessResult>;
  const firstOutput = (): string => join(folder, 'first');
  const path = (name: string): string => join(firstOutput(), name);

  before(async function () {
    const programs = ['lintian', 'buildah', 'tini-static'].map((name) => `/usr/bin/${name}`);
    // Two builds take minutes: before a release only.
    if (process.env['RELEASE_TESTS'] !== '1') this.skip();
    if (process.getuid?.() !== 0 || !programs.every((program) => existsSync(program))) this.skip();
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-release-'));
    chmodSync(folder, 0o755);
    installReleaseTools();
    const clones = [join(folder, 'a'), join(folder, 'another folder/with a longer path/b')] as const;
    for (const clone of clones) cloneCheckout(clone);
    await provideNativeClients(clones);
    await buildTwice(clones, [firstOutput(), join(folder, 'second')]);
    // It takes half a minute, in which the packages are tried.
    lintian = waitForExit(
      spawn('lintian', [...lintianArgs, path(`iam-tokend_${version}_amd64.deb`)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    emulator = await startEmulator({ clock: createRealClock(), oauthAccounts: [{ token: oauthToken }] });
  });
  after(async () => {
    await emulator?.close();
    await lintian;
    if (folder !== undefined) rmSync(folder, { recursive: true });
  });

  it('19.5: two builds in different folders, with other modes, another time zone and language, and without a network, are identical', () => {
    assert.deepEqual(readdirSync(firstOutput()).toSorted(), names);
    const hash = (output: string): string =>
      execFileSync('sha256sum', names, { cwd: join(folder, output), encoding: 'utf8' });
    assert.equal(hash('second'), hash('first'));
  });

  it('19.5: SHA256SUMS names every other file with its hash', () => {
    const options = { cwd: firstOutput(), encoding: 'utf8' } as const;
    const output = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], options);
    const expected = names.filter((name) => name !== 'SHA256SUMS').map((name) => `${name}: OK\n`);
    assert.deepEqual(output.split(/(?<=\n)/).toSorted(), expected);
  });

  it('19.5: each self-contained package has at most 60 MB', () => {
    for (const name of packageNames) assert.ok(statSync(path(name)).size <= 60_000_000, name);
  });

  describeContents(path);

  describe('in a minimal Debian, without systemd', () => {
    let system: MinimalSystem;
    before(() => {
      system = createMinimalSystem(join(folder, 'minimal'), findImageBase(), firstOutput());
    });
    const listFiles =
      "find / -xdev ! -path '/var/lib/dpkg*' ! -path '/var/log/*' ! -path '/var/cache/*' ! -path '/etc/*-' ! -name .pwd.lock | sort";
    /** As a user runs the daemon by hand; `bin` is a prefix of its programs. */
    const useDaemon = (bin: string): string =>
      `export XDG_RUNTIME_DIR=/tmp/run HOME=/tmp/home IAM_TOKEND_IAM_ENDPOINT=${emulator.url}
      mkdir -m 700 /tmp/run /tmp/home
      '${bin}iam-tokend' --store memory >/tmp/log 2>&1 &
      timeout 60 sh -c 'until "$0" profiles >/dev/null 2>&1; do sleep 0.05; done' '${bin}iam-token'
      echo ${oauthToken} | '${bin}iam-token' login --stdin >&2
      '${bin}iam-token'
      '${bin}iam-token' stop >&2
      wait
      rm -r /tmp/run /tmp/home /tmp/log`;

    it('19: the .deb needs no other package; it is installed, used and purged, and leaves nothing', async () => {
      const filesBefore = await system.run(listFiles);
      await system.run(
        '! command -v node; ! command -v systemctl; dpkg --install /mnt/iam-tokend_*_amd64.deb',
      );
      const install = await system.run('iam-token install --system 2>&1 || true');
      assert.match(install, /error: systemd is not running on this machine\n/);
      assert.match(await system.run(useDaemon('')), /^t1\./);
      await system.run('dpkg --purge iam-tokend');
      assert.equal(await system.run(listFiles), filesBefore);
    });

    it('19: the tar.gz runs where it is unpacked, and leaves nothing', async () => {
      const filesBefore = await system.run(listFiles);
      await system.run(
        'mkdir "/opt/a b"; tar --extract --file /mnt/iam-tokend-*-linux-x64.tar.gz -C "/opt/a b"',
      );
      const bin = `/opt/a b/iam-tokend-${version}-linux-x64/bin/`;
      assert.match(await system.run(useDaemon(bin)), /^t1\./);
      await system.run('rm -r "/opt/a b"');
      assert.equal(await system.run(listFiles), filesBefore);
    });
  });

  describe('19: on a booted machine without Node', () => {
    let machine: Machine;
    before(async function () {
      if (getMachineSkipReason() !== null) this.skip();
      const files = join(folder, 'machine');
      mkdirSync(files);
      for (const name of packageNames) cpSync(path(name), join(files, name));
      installTarball(join(files, 'npm'), firstRelease);
      machine = await bootMachine(files);
      const removal =
        'dpkg --purge --force-depends nodejs npm >/dev/null 2>&1; for name in node nodejs npm npx corepack; do rm -f /usr/bin/$name /usr/local/bin/$name; done';
      await machine.run('root', ['sh', '-c', removal]);
    });
    after(() => machine?.remove());
    describePackages(() => ({ machine, endpoint: emulator.url }));
  });

  it('19.5: lintian finds no error and no warning in the Debian package', async () => {
    const { code, stdout, stderr } = await lintian;
    assert.equal(code, 0, stdout + stderr);
    assert.doesNotMatch(stdout, /^[EW]:/m);
  });
});
