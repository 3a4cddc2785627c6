import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './source-tree.ts';

const text = (name: string): string => readFileSync(join(root, 'systemd', name), 'utf8');
const serviceName = 'iam-tokend.service';
const socketName = 'iam-tokend.socket';
const dropInName = 'iam-tokend.service.d/user-namespace.conf';
const unit = text(serviceName);

describe('the systemd units', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'iam-tokend-unit-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What systemd has against them, one of them changed; it ignores unknown keys where it is not asked so strictly. */
  function complaints(changedName: string, change: (text: string) => string): string {
    mkdirSync(join(folder, 'iam-tokend.service.d'));
    for (const name of [serviceName, socketName, dropInName]) {
      writeFileSync(join(folder, name), name === changedName ? change(text(name)) : text(name));
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

  it('are understood by systemd, the drop-in too', () => assert.equal(complaints('', String), ''));

  for (const [name, wrong, where, from, to, complaint] of [
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
    it(`would not be with ${wrong} in ${name}`, () => {
      assert.match(
        complaints(where, (text) => text.replace(from, to)),
        complaint,
      );
    });
  }

  it('are understood for a whole system', () => {
    const units = [serviceName, socketName].map((name) => join(root, 'systemd/system', name));
    const check = (...units: readonly string[]) =>
      spawnSync('systemd-analyze', ['verify', '--system', '--man=no', '--recursive-errors=no', ...units], {
        encoding: 'utf8',
      }).stderr;
    assert.equal(check(...units), '');
    const wrong = join(folder, serviceName);
    writeFileSync(wrong, text(`system/${serviceName}`).replace('LoadCredential', 'LoadCredentials'));
    assert.match(check(wrong), /Unknown key 'LoadCredentials'/);
  });

  it('let nobody else at the socket', () => {
    const socket = text(socketName);
    for (const setting of [/^SocketMode=0600$/m, /^DirectoryMode=0700$/m, /^RemoveOnStop=yes$/m])
      assert.match(socket, setting);
  });

  it('limit what the daemon may do, and how often it is tried', () => {
    const settings = unit.split('\n').filter((line) => /^\w/.test(line));
    for (const setting of [
      'UMask=0077',
      'LimitCORE=0',
      'NoNewPrivileges=yes',
      'SystemCallErrorNumber=EPERM',
    ]) {
      assert.ok(settings.includes(setting), setting);
    }
    const head = unit.slice(0, unit.indexOf('[Service]'));
    assert.match(head, /^StartLimitBurst=30$/m);
  });

  it('have nothing outside of the drop-in that would kill Node, or that a user unit silently ignores', () => {
    assert.doesNotMatch(
      unit,
      /^(MemoryDenyWriteExecute|PrivateTmp|Protect\w+|PrivateDevices|ReadWritePaths)=/m,
    );
  });
});
