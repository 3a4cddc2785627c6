import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { canBeOther, otherUid } from '../support/other-user.ts';
import { processesWith } from '../support/processes.ts';
import { type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

describe('a debugger of the same user', function () {
  this.timeout(60_000);
  let house: RunningHouse | undefined;
  afterEach(async () => house?.stop());

  function attach(pid: number): string {
    const args = ['--batch', '--nx', `--pid=${pid}`, '--eval-command=info proc'];
    const user = { uid: otherUid, gid: otherUid, cwd: '/', encoding: 'utf8' } as const;
    const { stdout, stderr, error } = spawnSync('gdb', args, user);
    assert.equal(error, undefined, 'gdb is there');
    return stdout + stderr;
  }

  it('attaches to other programs, and neither to the daemon nor to its helper', async function () {
    if (!canBeOther()) this.skip();
    const other = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
      uid: otherUid,
      gid: otherUid,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(other.stdout, 'data');
    assert.match(attach(other.pid ?? 0), /^exe = '/m);
    other.kill('SIGKILL');
    house = await startHouse({ store: 'memory', uid: otherUid });
    const pid = await house.startDaemon(['--store', 'keychain']);
    assert.equal((await house.iamToken(['status'])).code, 0);
    await until(() => processesWith('keychain-helper', pid).length === 1, 'the helper runs');
    for (const each of [pid, ...processesWith('keychain-helper', pid)]) {
      assert.match(attach(each), /ptrace: Operation not permitted/);
    }
  });
});
