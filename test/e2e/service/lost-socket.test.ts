import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { oauthToken, type TestEnvironment, startTestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

/**
 * The daemon looks every 25 s, and at once on SIGHUP; `test/daemon/instance/socket-watch.test.ts` has the time.
 * `test/slow/service` and `test/slow/system-service` do the same to services.
 */
describe('E1: a daemon that was started by hand serves again after', () => {
  let testEnv: TestEnvironment;
  let pid: number;
  const socketFolder = (): string => dirname(testEnv.socketPath);
  const runtimeFolder = (): string => dirname(socketFolder());

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'memory' });
    pid = await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
  });
  after(() => testEnv?.stop());

  async function expectService(): Promise<void> {
    process.kill(pid, 'SIGHUP');
    await waitUntil(async () => (await testEnv.iamToken()).code === 0, 'it serves');
    await waitUntil(() => existsSync(`${testEnv.socketPath}.lock`), 'it has locked the socket');
    assert.equal((await testEnv.iamToken(['doctor'])).code, 0);
  }

  const damages: readonly (readonly [name: string, damage: () => void])[] = [
    ['its socket is removed', () => rmSync(testEnv.socketPath)],
    ['its folder is removed', () => rmSync(socketFolder(), { recursive: true })],
    ['the folder above is removed', () => rmSync(runtimeFolder(), { recursive: true })],
    ['the folder above is renamed', () => renameSync(runtimeFolder(), join(testEnv.folder, 'renamed'))],
    [
      'a plain file takes the place of its socket',
      () => {
        rmSync(testEnv.socketPath);
        writeFileSync(testEnv.socketPath, 'precious');
      },
    ],
    [
      'a plain file takes the place of its folder',
      () => {
        rmSync(socketFolder(), { recursive: true });
        writeFileSync(socketFolder(), 'precious');
      },
    ],
    ['its lock file is removed', () => rmSync(`${testEnv.socketPath}.lock`)],
  ];

  for (const [name, damage] of damages) {
    it(`E1: ${name}`, async () => {
      damage();
      await expectService();
    });
  }

  it('E1: a folder is mounted over the one above, and unmounted', async function () {
    const mount = ['-t', 'tmpfs', '-o', 'mode=700', 'tmpfs', runtimeFolder()];
    if (spawnSync('mount', mount).status !== 0) this.skip();
    try {
      await expectService();
    } finally {
      assert.equal(spawnSync('umount', ['--lazy', runtimeFolder()]).status, 0);
    }
    await expectService();
  });
});
