import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  describeProcess,
  differingNamespaces,
  isProcOfOwnPidNamespace,
  readNamespaces,
  readStat,
} from '../../src/bin/iam-tokend/process-namespaces.ts';

describe('D1: the namespaces of processes', () => {
  it('are the same for this process and its child', async () => {
    const child = spawn('sleep', ['1000']);
    try {
      await once(child, 'spawn');
      const pid = child.pid ?? 0;
      const own = readNamespaces(process.pid);
      assert.deepEqual(differingNamespaces(readNamespaces(pid), own), []);
      assert.match(own.mount, /^\d+( \d+)*$/);
      assert.match(own.pid, /^\d+$/);
      assert.match(own.user, /^ ?\d+ \d+ \d+\n/);
      assert.equal(readStat(pid).parentPid, process.pid);
      assert.match(readStat(pid).startTime, /^\d+$/);
      assert.match(describeProcess(pid), new RegExp(`^(sleep|node), process ${pid}`));
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('differ by name', () => {
    const own = { mount: '27', pid: '1', user: '0 0 1' };
    assert.deepEqual(differingNamespaces({ mount: '71', pid: '2', user: '0 0 1' }, own), ['mount', 'pid']);
    assert.deepEqual(differingNamespaces({ ...own, user: '0 1000 1' }, own), ['user']);
  });

  it('cannot be read for a process that does not exist', () => {
    assert.throws(() => readNamespaces(2 ** 22 + 1));
  });

  it('are those of /proc', () => assert.equal(isProcOfOwnPidNamespace(), true));
});
