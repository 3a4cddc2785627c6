import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { canRunAsOtherUser, otherUid } from '../support/processes/other-user.ts';
import { findProcesses } from '../support/processes/process-table.ts';
import { type TestEnvironment, startTestEnvironment } from '../support/test-environment.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('debugger of the same user', () => {
  let testEnv: TestEnvironment | undefined;
  afterEach(async () => testEnv?.stop());

  function attachDebugger(pid: number): string {
    const args = ['--batch', '--nx', `--pid=${pid}`, '--eval-command=info proc'];
    const userOptions = { uid: otherUid, gid: otherUid, cwd: '/', encoding: 'utf8' } as const;
    const { stdout, stderr, error } = spawnSync('gdb', args, userOptions);
    assert.equal(error, undefined, 'gdb is installed');
    return stdout + stderr;
  }

  it('attaches to other programs, but not to the daemon or its helper', async function () {
    if (!canRunAsOtherUser()) this.skip();
    const otherProcess = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
      uid: otherUid,
      gid: otherUid,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(otherProcess.stdout, 'data');
    assert.match(attachDebugger(otherProcess.pid ?? 0), /^exe = '/m);
    otherProcess.kill('SIGKILL');
    testEnv = await startTestEnvironment({ store: 'memory', uid: otherUid });
    const pid = await testEnv.startDaemon(['--store', 'keychain']);
    assert.equal((await testEnv.iamToken(['status'])).code, 0);
    await waitUntil(() => findProcesses('keychain-helper', pid).length === 1, 'the helper runs');
    for (const targetPid of [pid, ...findProcesses('keychain-helper', pid)]) {
      assert.match(attachDebugger(targetPid), /ptrace: Operation not permitted/);
    }
  });
});
