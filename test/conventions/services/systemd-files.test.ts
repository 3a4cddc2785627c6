import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unsafeVariables } from '../../../src/platform/unsafe-environment.ts';
import { root } from '../source-tree.ts';

const readUnit = (name: string): string => readFileSync(join(root, 'systemd', name), 'utf8');
const serviceName = 'iam-tokend.service';
const socketName = 'iam-tokend.socket';
const dropInName = 'iam-tokend.service.d/user-namespace.conf';
const serviceText = readUnit(serviceName);

describe('the systemd units', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'iam-tokend-unit-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What systemd has against them, one of them changed; it ignores unknown keys where it is not asked so strictly. */
  function verifyUnits(changedName: string, change: (readUnit: string) => string): string {
    mkdirSync(join(folder, 'iam-tokend.service.d'));
    for (const name of [serviceName, socketName, dropInName]) {
      writeFileSync(join(folder, name), name === changedName ? change(readUnit(name)) : readUnit(name));
    }
    const units = [serviceName, socketName].map((name) => join(folder, name));
    const { status, stderr, error } = spawnSync(
      'systemd-analyze',
      ['verify', '--user', '--man=no', '--recursive-errors=no', ...units],
      { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: folder } },
    );
    assert.equal(error, undefined, 'systemd-analyze, of the package systemd, is there');
    assert.equal(status === 0, stderr === '', stderr);
    return stderr;
  }

  it('are valid for systemd, and so is the drop-in', () => assert.equal(verifyUnits('', String), ''));

  for (const [name, wrong, where, from, to, expectedError] of [
    ['the service', 'an unknown key', serviceName, 'UMask=', 'Umask=', /Unknown key 'Umask'/],
    ['the service', 'a wrong value', serviceName, '=on-failure', '=sometimes', /Failed to parse.*sometimes/],
    ['the service', 'a missing program', serviceName, '/usr/bin/env', '/usr/bin/no-such', /not executable/],
    [
      'the socket',
      'an unknown key',
      socketName,
      'RemoveOnStop',
      'RemoveAtStop',
      /Unknown key 'RemoveAtStop'/,
    ],
    ['the socket', 'a wrong mode', socketName, '=0600', '=rw', /Failed to parse.*rw/],
    ['the drop-in', 'an unknown key', dropInName, 'PrivateTmp', 'PrivateTemp', /Unknown key 'PrivateTemp'/],
  ] as const) {
    it(`are invalid with ${wrong} in ${name}`, () => {
      assert.match(
        verifyUnits(where, (readUnit) => readUnit.replace(from, to)),
        expectedError,
      );
    });
  }

  it('are valid in system mode', () => {
    const units = [serviceName, socketName, 'iam-tokend-credential.socket'].map((name) =>
      join(root, 'systemd/system', name),
    );
    const check = (...units: readonly string[]) =>
      spawnSync('systemd-analyze', ['verify', '--system', '--man=no', '--recursive-errors=no', ...units], {
        encoding: 'utf8',
      }).stderr;
    assert.equal(check(...units), '');
    const wrong = join(folder, serviceName);
    writeFileSync(wrong, readUnit(`system/${serviceName}`).replace('LoadCredential', 'LoadCredentials'));
    assert.match(check(wrong), /Unknown key 'LoadCredentials'/);
  });

  for (const name of [serviceName, `system/${serviceName}`]) {
    it(`A1: unset every variable that the daemon does not accept, in ${name}`, () => {
      const names = [...readUnit(name).matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap(([, line = '']) =>
        line.split(' '),
      );
      const expectedNames = unsafeVariables
        .filter(({ platform = 'linux' }) => platform === 'linux')
        .map(({ name }) => name);
      assert.deepEqual(names.toSorted(), expectedNames.toSorted());
    });
  }

  it('19.4: restrict the socket of credentials to root', () => {
    const socket = readUnit('system/iam-tokend-credential.socket');
    for (const setting of [/^SocketMode=0600$/m, /^FileDescriptorName=credential$/m, /^RemoveOnStop=yes$/m])
      assert.match(socket, setting);
    assert.doesNotMatch(socket, /^Socket(?:Group|User)=/m);
  });

  it('restrict the socket to its owner', () => {
    const socket = readUnit(socketName);
    for (const setting of [/^SocketMode=0600$/m, /^DirectoryMode=0700$/m, /^RemoveOnStop=yes$/m])
      assert.match(socket, setting);
  });

  it('restrict the daemon, and limit its restarts', () => {
    const settings = serviceText.split('\n').filter((line) => /^\w/.test(line));
    for (const setting of [
      'UMask=0077',
      'LimitCORE=0',
      'NoNewPrivileges=yes',
      'SystemCallErrorNumber=EPERM',
    ]) {
      assert.ok(settings.includes(setting), setting);
    }
    const head = serviceText.slice(0, serviceText.indexOf('[Service]'));
    const numberOf = (pattern: RegExp): number => Number(pattern.exec(serviceText)?.[1]);
    // E4: trouble of at least five minutes does not use up the starts.
    const coveredSeconds = numberOf(/^StartLimitBurst=(\d+)$/m) * numberOf(/^RestartSec=(\d+)$/m);
    assert.ok(coveredSeconds >= 300, String(coveredSeconds));
    assert.ok(numberOf(/^StartLimitIntervalSec=(\d+)min$/m) * 60 >= coveredSeconds);
    assert.ok(/^StartLimit/m.test(head));
  });

  it('have no directive outside the drop-in that kills Node or that user units ignore silently', () => {
    assert.doesNotMatch(
      serviceText,
      /^(MemoryDenyWriteExecute|PrivateTmp|Protect\w+|PrivateDevices|ReadWritePaths)=/m,
    );
  });
});
