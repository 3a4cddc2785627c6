import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemdSystemUnits, systemdUnits } from '../../src/service/systemd-units.ts';
import { root } from '../house/source-tree.ts';

const units = systemdUnits('/home/anna/.config', 1000);
const packaged = (name: string): string => readFileSync(join(root, 'systemd', name), 'utf8');

describe('the systemd units of a person', () => {
  it('are those of the package, in the folder of their own units', () => {
    assert.deepEqual(units.files, [
      {
        packaged: 'systemd/iam-tokend.service',
        path: '/home/anna/.config/systemd/user/iam-tokend.service',
      },
      { packaged: 'systemd/iam-tokend.socket', path: '/home/anna/.config/systemd/user/iam-tokend.socket' },
    ]);
  });

  it('differ from those of the package in the command that is started, and in nothing else', () => {
    const filled = units.fill(packaged('iam-tokend.service'), ['/usr/bin/node', '/a b/iam-tokend.js']);
    const line = 'ExecStart="/usr/bin/node" "/a b/iam-tokend.js"';
    assert.ok(filled.split('\n').includes(line));
    assert.equal(filled.replace(line, 'ExecStart=/usr/bin/env iam-tokend'), packaged('iam-tokend.service'));
    assert.equal(units.fill(packaged('iam-tokend.socket'), ['/usr/bin/node']), packaged('iam-tokend.socket'));
  });

  it('take any path for what it is', () => {
    const odd = String.raw`/a $HOME/"50%"\$&/x`;
    assert.equal(
      units.fill('ExecStart=x', [odd, odd]),
      String.raw`ExecStart="/a $HOME/\"50%%\"\\$&/x" "/a $$HOME/\"50%%\"\\$$&/x"`,
    );
  });
});

describe('the systemd units of a system', () => {
  const units = systemdSystemUnits();

  it('start the daemon with the configuration of the system, and differ in nothing else from those of the package', () => {
    const text = packaged('system/iam-tokend.service');
    const line = 'ExecStart="/usr/bin/node" "/a/iam-tokend.js" "--config" "/etc/iam-tokend/config.yaml"';
    const filled = units.fill(text, ['/usr/bin/node', '/a/iam-tokend.js']);
    assert.ok(filled.split('\n').includes(line));
    assert.equal(
      filled.replace(line, 'ExecStart=/usr/bin/env iam-tokend --config /etc/iam-tokend/config.yaml'),
      text,
    );
    for (const { packaged: name = '' } of units.files.slice(1)) {
      const other = packaged(name.replace('systemd/', ''));
      assert.equal(units.fill(other, ['/usr/bin/node']), other);
    }
  });

  it('have a configuration that the daemon alone can read, and not all who may ask it', () => {
    const calls = units.start.map(({ argv }) => argv.join(' '));
    for (const wanted of ['chown iam-tokend:root', 'chmod 0600'])
      assert.ok(calls.includes(`${wanted} /etc/iam-tokend/config.yaml`), wanted);
  });

  it('have what the daemon kept removed by a program that follows no link', () => {
    assert.deepEqual(units.purge?.[0]?.argv.slice(0, 2), ['rm', '--recursive']);
    assert.ok(units.purge?.[0]?.argv.includes('/var/lib/iam-tokend'));
  });

  it('keep what a person may have changed, and tell all calls to the manager of the system', () => {
    assert.deepEqual(
      units.files.filter(({ isKept }) => isKept).map(({ path }) => path),
      ['/etc/iam-tokend/config.yaml'],
    );
    const calls = [...units.start, ...units.stop, ...units.end, ...units.forget].map(({ argv }) =>
      argv.join(' '),
    );
    assert.deepEqual(
      calls.filter((call) => /^systemctl (?!--system )/.test(call)),
      [],
    );
  });
});
