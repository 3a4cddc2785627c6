import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './source-tree.ts';

const unitPath = join(root, 'systemd/iam-tokend.service');
const unit = readFileSync(unitPath, 'utf8');

describe('the systemd unit', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'iam-tokend-unit-'))));
  after(() => rmSync(folder, { recursive: true }));

  /** What systemd has against a unit of this text; it ignores unknown keys where it is not asked so strictly. */
  function complaints(text: string): string {
    const path = join(folder, 'iam-tokend.service');
    writeFileSync(path, text);
    const { status, stderr, error } = spawnSync(
      'systemd-analyze',
      ['verify', '--user', '--man=no', '--recursive-errors=no', path],
      { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: folder } },
    );
    assert.equal(error, undefined, 'systemd-analyze, of the package systemd, is there');
    assert.equal(status === 0, stderr === '', stderr);
    return stderr;
  }

  it('is understood by systemd', () => assert.equal(complaints(unit), ''));

  for (const [name, broken, complaint] of [
    ['an unknown key', unit.replace('UMask=', 'Umask='), /Unknown key 'Umask'/],
    ['a wrong value', unit.replace('Restart=on-failure', 'Restart=sometimes'), /Failed to parse.*sometimes/],
    ['a program that is not there', unit.replace('/usr/bin/env', '/usr/bin/no-such'), /not executable/],
  ] as const) {
    it(`would not be with ${name}`, () => assert.match(complaints(broken), complaint));
  }

  it('limits what it may do, and how often it is tried', () => {
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

  it('has nothing that would kill Node, or that a user unit silently ignores', () => {
    assert.doesNotMatch(
      unit,
      /^(MemoryDenyWriteExecute|PrivateTmp|Protect\w+|PrivateDevices|ReadWritePaths)=/m,
    );
  });
});
