import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Notify,
  type ServiceStart,
  supervision,
  systemdNotify,
  takeServiceStart,
} from '../../src/service/supervision.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { testClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';

const pid = 4242;
const cgroup =
  '1:name=systemd:/\n0::/user.slice/user-1000.slice/user@1000.service/app.slice/iam-tokend.service\n';
const given = {
  LISTEN_PID: '4242',
  LISTEN_FDS: '1',
  LISTEN_FDNAMES: 'iam-tokend.socket',
  NOTIFY_SOCKET: '/run/user/1000/systemd/notify',
  WATCHDOG_PID: '4242',
  WATCHDOG_USEC: '120000000',
  SYSTEMD_EXEC_PID: '4242',
  MANAGERPID: '999',
};
const nothing = { manager: null, listenFd: null, notifySocket: null, watchdogMs: null };

describe('what the service manager told the process that it started', () => {
  it('is its unit, the socket that it passed, where to report, and how often', () => {
    assert.deepEqual(takeServiceStart({ ...given }, pid, cgroup), {
      manager: { kind: 'systemd --user', unit: 'iam-tokend.service' },
      listenFd: 3,
      notifySocket: '/run/user/1000/systemd/notify',
      watchdogMs: 120_000,
    });
  });

  it('is taken out of the environment, also where it was meant for another process', () => {
    for (const pid of [4242, 1]) {
      const env: NodeJS.ProcessEnv = { ...given, HOME: '/home/anna' };
      takeServiceStart(env, pid, cgroup);
      assert.deepEqual(Object.keys(env), ['SYSTEMD_EXEC_PID', 'MANAGERPID', 'HOME']);
    }
  });

  it('is nothing for a child of that process, or for one that nobody told anything', () => {
    assert.deepEqual(takeServiceStart({ ...given }, pid + 1, cgroup), nothing);
    assert.deepEqual(takeServiceStart({}, pid, cgroup), nothing);
  });

  it('holds no socket where none was passed, and no watchdog where none waits', () => {
    for (const [name, value] of [
      ['LISTEN_FDS', '0'],
      ['LISTEN_FDS', undefined],
      ['LISTEN_PID', '1'],
    ] as const) {
      assert.equal(takeServiceStart({ ...given, [name]: value }, pid, cgroup).listenFd, null, name);
    }
    for (const [name, value] of [
      ['WATCHDOG_PID', '1'],
      ['WATCHDOG_USEC', undefined],
      ['WATCHDOG_USEC', 'often'],
    ] as const) {
      assert.equal(takeServiceStart({ ...given, [name]: value }, pid, cgroup).watchdogMs, null, name);
    }
  });

  it('is the name of its job where launchd started it', () => {
    const started = takeServiceStart({ XPC_SERVICE_NAME: 'io.github.iam-tokend' }, pid, '');
    assert.deepEqual(started, { ...nothing, manager: { kind: 'launchd', unit: 'io.github.iam-tokend' } });
    assert.deepEqual(takeServiceStart({ XPC_SERVICE_NAME: '0' }, pid, ''), nothing);
  });

  it('names the manager of the whole system, which tells nobody its process id, and the innermost unit', () => {
    const { MANAGERPID: _, ...env } = given;
    assert.deepEqual(takeServiceStart({ ...env }, pid, '0::/system.slice/ours.service\n').manager, {
      kind: 'systemd',
      unit: 'ours.service',
    });
    assert.equal(takeServiceStart({ ...given }, pid, '0::/init.scope\n').manager?.unit, 'unknown');
  });
});

const start: ServiceStart = { ...nothing, watchdogMs: 120_000 };

describe('the supervision of the daemon', () => {
  function supervised(start: ServiceStart) {
    const clock = testClock();
    const told: string[] = [];
    const supervised = supervision(clock, start, async (state) => {
      told.push(`${state} at ${clock.now().monotonicMs / 1_000}`);
    });
    return { clock, told, ...supervised };
  }

  it('is told once that the daemon is ready, and then at each half of the silence that it allows', () => {
    const { clock, told, ready, stopping } = supervised(start);
    clock.advance(500_000);
    assert.deepEqual(told, []);
    ready();
    clock.advance(120_000);
    stopping();
    clock.advance(500_000);
    assert.deepEqual(told, ['READY=1 at 500', 'WATCHDOG=1 at 560', 'WATCHDOG=1 at 620', 'STOPPING=1 at 620']);
  });

  it('goes on at its pace after the clock was set', () => {
    const { clock, told, ready } = supervised(start);
    ready();
    clock.jump(3_600_000);
    clock.advance(60_000);
    assert.equal(told.length, 3);
  });

  it('hears nothing more where it has no watchdog', () => {
    const patient = supervised({ ...start, watchdogMs: null });
    patient.ready();
    patient.clock.advance(1_000_000);
    patient.stopping();
    assert.equal(patient.told.length, 2);
  });

  it('is silent where nobody listens', () => {
    const clock = testClock();
    const { ready, stopping } = supervision(clock, start, null);
    ready();
    clock.advance(1_000_000);
    stopping();
  });
});

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
    notify = systemdNotify('/run/notify', path, (reason) => faults.push(reason));
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
