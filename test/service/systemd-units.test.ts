import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineSystemdSystemUnits, defineSystemdUnits } from '../../src/service/systemd-units.ts';
import { root } from '../conventions/source-tree.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { refusedPaths } from './refused-paths.ts';

const units = defineSystemdUnits('/home/anna/.config', 1000, '/run/user/1000');
const readTemplate = (name: string): string => readFileSync(join(root, 'systemd', name), 'utf8');

describe('defineSystemdUnits', () => {
  it('installs the packaged units into the folder of user units', () => {
    assert.deepEqual(units.files, [
      {
        templatePath: 'systemd/iam-tokend.service',
        path: '/home/anna/.config/systemd/user/iam-tokend.service',
        packagedPath: '/usr/lib/systemd/user/iam-tokend.service',
      },
      {
        templatePath: 'systemd/iam-tokend.socket',
        path: '/home/anna/.config/systemd/user/iam-tokend.socket',
        packagedPath: '/usr/lib/systemd/user/iam-tokend.socket',
      },
    ]);
  });

  it('changes only the command of the packaged units', () => {
    const unitText = units.fillTemplate(readTemplate('iam-tokend.service'), [
      '/usr/bin/node',
      '/a b/iam-tokend.js',
    ]);
    const line = 'ExecStart="/usr/bin/node" "/a b/iam-tokend.js"';
    assert.ok(unitText.split('\n').includes(line));
    const condition = unitText.split('\n').find((text) => text.startsWith('ExecCondition=')) ?? assert.fail();
    assert.ok(condition.endsWith(' "sh" "/usr/bin/node" "/a b/iam-tokend.js"'), condition);
    assert.equal(
      unitText
        .replace(line, 'ExecStart=/usr/bin/env iam-tokend')
        .replace(condition, 'ExecCondition=/bin/true'),
      readTemplate('iam-tokend.service'),
    );
    assert.equal(
      units.fillTemplate(readTemplate('iam-tokend.socket'), ['/usr/bin/node']),
      readTemplate('iam-tokend.socket'),
    );
  });

  it('C9: stop with a sentence if Node or the package was removed', () => {
    const unit = units.fillTemplate('ExecCondition=x', ['/bin/sh', '/nowhere $x/iam-tokend.js']);
    // What systemd makes of the line, for this text without its specifiers.
    const script = /^ExecCondition=\/bin\/sh -c "(.*)" "sh" /.exec(unit)?.[1] ?? assert.fail(unit);
    const text = script.replaceAll('$$', '$').replaceAll('\\"', '"');
    const run = (path: string) =>
      spawnSync('/bin/sh', ['-c', text, 'sh', '/bin/sh', path], { encoding: 'utf8' });
    assert.equal(run('/bin/sh').status, 0);
    const { status, stderr } = run('/nowhere $x/iam-tokend.js');
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^cannot start: \/nowhere \$x\/iam-tokend\.js was removed; install iam-tokend again/,
    );
  });

  it('escapes special characters in paths', () => {
    const oddPath = String.raw`/a $HOME/"50%"\$&/x`;
    assert.equal(
      units.fillTemplate('ExecStart=x', [oddPath, oddPath]),
      String.raw`ExecStart="/a $HOME/\"50%%\"\\$&/x" "/a $$HOME/\"50%%\"\\$$&/x"`,
    );
  });

  for (const path of refusedPaths) {
    it(`D7: refuses the path ${JSON.stringify(path)}`, () => {
      assert.throws(() => units.fillTemplate('ExecStart=x', ['/usr/bin/node', path]), {
        code: 'bad_request',
        message: /contains a control character or bytes that are not UTF-8/,
      });
    });
  }
});

describe('defineSystemdSystemUnits', () => {
  const folder = useTemporaryFolder();
  const units = defineSystemdSystemUnits();

  it('changes only the command of the packaged units, which names the system configuration', () => {
    const text = readTemplate('system/iam-tokend.service');
    const line = 'ExecStart="/usr/bin/node" "/a/iam-tokend.js" "--config" "/etc/iam-tokend/config.yaml"';
    const unitText = units.fillTemplate(text, ['/usr/bin/node', '/a/iam-tokend.js']);
    assert.ok(unitText.split('\n').includes(line));
    assert.equal(
      unitText
        .replace(line, 'ExecStart=/usr/bin/env iam-tokend --config /etc/iam-tokend/config.yaml')
        .replace(/^ExecCondition=.*$/m, 'ExecCondition=/bin/true'),
      text,
    );
    for (const { templatePath: name = '' } of units.files.slice(1)) {
      const other = readTemplate(name.replace('systemd/', ''));
      assert.equal(units.fillTemplate(other, ['/usr/bin/node']), other);
    }
  });

  it('makes the configuration readable for the daemon only', () => {
    const calls = units.startCommands.map(({ argv }) => argv.join(' '));
    for (const command of ['chown iam-tokend:root', 'chmod 0600'])
      assert.ok(calls.includes(`${command} /etc/iam-tokend/config.yaml`), command);
  });

  it('E13: leaves no part of a key if the disk is full, and creates it the next time', () => {
    const script = units.startCommands.find(({ argv }) => argv.includes('sh'))?.argv.at(-1) ?? '';
    const key = join(folder(), 'store.key');
    const createKey = (path: string): number | null =>
      spawnSync('sh', ['-c', script.replaceAll('/etc/iam-tokend/store.key', key)], { env: { PATH: path } })
        .status;
    // As head(1), when the disk is full after three bytes.
    writeFileSync(join(folder(), 'head'), '#!/bin/sh\nprintf abc; exit 1\n', { mode: 0o755 });
    assert.equal(createKey(`${folder()}:/usr/bin:/bin`), 1);
    assert.ok(!existsSync(key));
    assert.equal(createKey('/usr/bin:/bin'), 0);
    const bytes = readFileSync(key);
    assert.equal(bytes.length, 32);
    assert.equal(createKey('/usr/bin:/bin'), 0);
    assert.deepEqual(readFileSync(key), bytes);
  });

  it('purges the state with a program that follows no link', () => {
    assert.deepEqual(units.purgeCommands?.[0]?.argv.slice(0, 2), ['rm', '--recursive']);
    assert.ok(units.purgeCommands?.[0]?.argv.includes('/var/lib/iam-tokend'));
  });

  it('preserves an existing configuration, and sends every systemctl call to the system manager', () => {
    assert.deepEqual(
      units.files.filter(({ preserveExisting }) => preserveExisting).map(({ path }) => path),
      ['/etc/iam-tokend/config.yaml'],
    );
    const calls = [
      ...units.startCommands,
      ...units.stopCommands,
      ...units.disableCommands,
      ...units.cleanupCommands,
    ].map(({ argv }) => argv.join(' '));
    assert.deepEqual(
      calls.filter((call) => /^systemctl (?!--system )/.test(call)),
      [],
    );
  });
});
