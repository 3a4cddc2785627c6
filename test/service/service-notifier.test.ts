import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type SdNotify,
  type ServiceEnvironment,
  createServiceNotifier,
  createSdNotifyCommand,
  consumeServiceEnvironment,
} from '../../src/service/service-notifier.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { createTestClock } from '../support/time/test-clock.ts';
import { waitUntil } from '../support/wait-until.ts';

const pid = 4242;
const cgroup =
  '1:name=systemd:/\n0::/user.slice/user-1000.slice/user@1000.service/app.slice/iam-tokend.service\n';
const managerEnv = {
  LISTEN_PID: '4242',
  LISTEN_FDS: '1',
  LISTEN_FDNAMES: 'iam-tokend.socket',
  NOTIFY_SOCKET: '/run/user/1000/systemd/notify',
  WATCHDOG_PID: '4242',
  WATCHDOG_USEC: '120000000',
  SYSTEMD_EXEC_PID: '4242',
  MANAGERPID: '999',
};
const emptyEnvironment = {
  manager: null,
  listenFd: null,
  credentialFd: null,
  notifySocket: null,
  watchdogMs: null,
};

describe('consumeServiceEnvironment', () => {
  it('returns the unit, the passed socket, the notify socket and the watchdog interval', () => {
    assert.deepEqual(consumeServiceEnvironment({ ...managerEnv }, pid, cgroup), {
      manager: { kind: 'systemd --user', unit: 'iam-tokend.service' },
      listenFd: 3,
      credentialFd: null,
      notifySocket: '/run/user/1000/systemd/notify',
      watchdogMs: 120_000,
    });
  });

  it('19.4: tells the sockets apart by their names, in any order', () => {
    for (const [names, listenFd, credentialFd] of [
      ['iam-tokend.socket:credential', 3, 4],
      ['credential:iam-tokend.socket', 4, 3],
      ['credential', null, 3],
      ['', 3, null],
      [undefined, 3, null],
    ] as const) {
      const count = String(names?.split(':').length ?? 1);
      const env = { ...managerEnv, LISTEN_FDS: count, LISTEN_FDNAMES: names };
      const found = consumeServiceEnvironment(env, pid, cgroup);
      assert.deepEqual([found.listenFd, found.credentialFd], [listenFd, credentialFd], names);
    }
  });

  it('deletes the variables, even if they name another process', () => {
    for (const pid of [4242, 1]) {
      const env: NodeJS.ProcessEnv = { ...managerEnv, HOME: '/home/anna' };
      consumeServiceEnvironment(env, pid, cgroup);
      assert.deepEqual(Object.keys(env), ['SYSTEMD_EXEC_PID', 'MANAGERPID', 'HOME']);
    }
  });

  it('returns nothing for a child of the started process, or without variables', () => {
    assert.deepEqual(consumeServiceEnvironment({ ...managerEnv }, pid + 1, cgroup), emptyEnvironment);
    assert.deepEqual(consumeServiceEnvironment({}, pid, cgroup), emptyEnvironment);
  });

  it('returns no socket if none was passed, and no watchdog if none is configured', () => {
    for (const [name, value] of [
      ['LISTEN_FDS', '0'],
      ['LISTEN_FDS', undefined],
      ['LISTEN_PID', '1'],
    ] as const) {
      assert.equal(
        consumeServiceEnvironment({ ...managerEnv, [name]: value }, pid, cgroup).listenFd,
        null,
        name,
      );
    }
    for (const [name, value] of [
      ['WATCHDOG_PID', '1'],
      ['WATCHDOG_USEC', undefined],
      ['WATCHDOG_USEC', 'often'],
    ] as const) {
      assert.equal(
        consumeServiceEnvironment({ ...managerEnv, [name]: value }, pid, cgroup).watchdogMs,
        null,
        name,
      );
    }
  });

  it('returns the label of a launchd job', () => {
    const result = consumeServiceEnvironment({ XPC_SERVICE_NAME: 'io.github.iam-tokend' }, pid, '');
    assert.deepEqual(result, {
      ...emptyEnvironment,
      manager: { kind: 'launchd', unit: 'io.github.iam-tokend' },
    });
    assert.deepEqual(consumeServiceEnvironment({ XPC_SERVICE_NAME: '0' }, pid, ''), emptyEnvironment);
  });

  it('recognizes the system manager by the missing MANAGERPID, and an unknown unit', () => {
    const { MANAGERPID: _, ...env } = managerEnv;
    assert.deepEqual(consumeServiceEnvironment({ ...env }, pid, '0::/system.slice/ours.service\n').manager, {
      kind: 'systemd',
      unit: 'ours.service',
    });
    assert.equal(
      consumeServiceEnvironment({ ...managerEnv }, pid, '0::/init.scope\n').manager?.unit,
      'unknown',
    );
  });
});

const start: ServiceEnvironment = { ...emptyEnvironment, watchdogMs: 120_000 };

describe('createServiceNotifier', () => {
  function startNotifier(start: ServiceEnvironment) {
    const clock = createTestClock();
    const notifications: string[] = [];
    const notifier = createServiceNotifier(clock, start, async (state) => {
      notifications.push(`${state} at ${clock.now().monotonicMs / 1_000}`);
    });
    return { clock, notifications, ...notifier };
  }

  it('sends READY once, and then WATCHDOG twice per interval', () => {
    const { clock, notifications, notifyReady, notifyStopping } = startNotifier(start);
    clock.advance(500_000);
    assert.deepEqual(notifications, []);
    notifyReady();
    clock.advance(120_000);
    notifyStopping();
    clock.advance(500_000);
    assert.deepEqual(notifications, [
      'READY=1 at 500',
      'WATCHDOG=1 at 560',
      'WATCHDOG=1 at 620',
      'STOPPING=1 at 620',
    ]);
  });

  it('keeps its interval after the wall clock jumps', () => {
    const { clock, notifications, notifyReady } = startNotifier(start);
    notifyReady();
    clock.jump(3_600_000);
    clock.advance(60_000);
    assert.equal(notifications.length, 3);
  });

  it('sends no WATCHDOG if no watchdog is configured', () => {
    const withoutWatchdog = startNotifier({ ...start, watchdogMs: null });
    withoutWatchdog.notifyReady();
    withoutWatchdog.clock.advance(1_000_000);
    withoutWatchdog.notifyStopping();
    assert.equal(withoutWatchdog.notifications.length, 2);
  });

  it('sends nothing without a notify socket', () => {
    const clock = createTestClock();
    const { notifyReady, notifyStopping } = createServiceNotifier(clock, start, null);
    notifyReady();
    clock.advance(1_000_000);
    notifyStopping();
  });
});

describe('createSdNotifyCommand', () => {
  const folder = useTemporaryFolder();
  let errors: string[];
  let notify: SdNotify;

  /** Installs a systemd-notify; without a script, none is found. */
  function installProgram(script?: string): void {
    errors = [];
    const program = join(folder(), 'systemd-notify');
    if (script !== undefined) {
      writeFileSync(program, `#!/bin/sh\ncd '${folder()}'\n${script}\n`);
      chmodSync(program, 0o755);
    }
    const path = script === undefined ? folder() : `${folder()}:${process.env['PATH']}`;
    notify = createSdNotifyCommand('/run/notify', path, (reason) => errors.push(reason));
  }

  it('runs systemd-notify with the state, and only NOTIFY_SOCKET and PATH in its environment', async () => {
    installProgram('echo "$@" >args; env >environment');
    await notify('READY=1');
    assert.equal(readFileSync(join(folder(), 'args'), 'utf8'), 'READY=1\n');
    const environment = readFileSync(join(folder(), 'environment'), 'utf8');
    const names = environment.split('\n').map((line) => line.split('=')[0] ?? '');
    assert.deepEqual(
      names.filter((name) => name !== '' && !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).toSorted(),
      ['NOTIFY_SOCKET', 'PATH'],
    );
    assert.match(environment, /^NOTIFY_SOCKET=\/run\/notify$/m);
    assert.deepEqual(errors, []);
  });

  it('reports a program that fails or is missing', async () => {
    installProgram('exit 7');
    await notify('READY=1');
    assert.deepEqual(errors, ['cannot notify systemd of READY=1: systemd-notify exited with 7']);
    installProgram();
    chmodSync(join(folder(), 'systemd-notify'), 0o644);
    await notify('READY=1');
    assert.match(errors.join(), /^cannot notify systemd of READY=1: spawn systemd-notify E/);
  });

  it('kills a program that still runs at the next notification', async () => {
    installProgram('[ "$1" = READY=1 ] || exit 0; echo >started; exec sleep 60');
    const first = notify('READY=1');
    await waitUntil(() => existsSync(join(folder(), 'started')), 'it runs');
    await notify('WATCHDOG=1');
    await first;
    assert.deepEqual(errors, ['cannot notify systemd of READY=1: systemd-notify exited with SIGKILL']);
  });
});
