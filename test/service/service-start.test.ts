import assert from 'node:assert/strict';
import { takeServiceStart } from '../../src/service/service-start.ts';

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
