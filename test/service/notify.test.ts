import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Notify, systemdNotify } from '../../src/service/notify.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

describe('systemd-notify', () => {
  const folder = temporaryFolder();
  let faults: string[];
  let notify: Notify;

  /** A program of that name; without a script there is none. */
  function provide(script?: string): void {
    faults = [];
    const program = join(folder(), 'systemd-notify');
    if (script !== undefined) {
      writeFileSync(program, `#!/bin/sh\ncd '${folder()}'\n${script}\n`);
      chmodSync(program, 0o755);
    }
    const path = script === undefined ? folder() : `${folder()}:${process.env['PATH']}`;
    notify = systemdNotify({ socket: '/run/notify', path, onFault: (reason) => faults.push(reason) });
  }

  it('is run with the state, and knows no more of us than where to tell it', async () => {
    provide('echo "$@" >args; env >environment');
    await notify('READY=1');
    assert.equal(readFileSync(join(folder(), 'args'), 'utf8'), 'READY=1\n');
    const environment = readFileSync(join(folder(), 'environment'), 'utf8');
    const names = environment.split('\n').map((line) => line.split('=')[0] ?? '');
    assert.deepEqual(
      names.filter((name) => name !== '' && !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).toSorted(),
      ['NOTIFY_SOCKET', 'PATH'],
    );
    assert.match(environment, /^NOTIFY_SOCKET=\/run\/notify$/m);
    assert.deepEqual(faults, []);
  });

  it('is a word in the log where it fails or is not there, and no harm', async () => {
    provide('exit 7');
    await notify('READY=1');
    assert.deepEqual(faults, ['systemd is not told READY=1: systemd-notify ended with 7']);
    provide();
    chmodSync(join(folder(), 'systemd-notify'), 0o644);
    await notify('READY=1');
    assert.match(faults.join(), /^systemd is not told READY=1: spawn systemd-notify E/);
  });

  it('is killed when it has not ended before the next word', async () => {
    provide('[ "$1" = READY=1 ] || exit 0; echo >begun; exec sleep 60');
    const first = notify('READY=1');
    await until(() => existsSync(join(folder(), 'begun')), 'it runs');
    await notify('WATCHDOG=1');
    await first;
    assert.deepEqual(faults, ['systemd is not told READY=1: systemd-notify ended with SIGKILL']);
  });
});
