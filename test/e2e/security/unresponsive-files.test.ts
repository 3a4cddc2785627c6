import assert from 'node:assert/strict';
import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  canMountFuse,
  mountUnresponsiveFolder,
  type UnresponsiveFolder,
} from '../../support/systems/unresponsive-folder.ts';
import { ownAuthority } from '../../support/network/example-authorities.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('a daemon whose caFile is on a file system that does not respond', () => {
  let testEnv: TestEnvironment | undefined;
  let folder: UnresponsiveFolder | undefined;

  afterEach(async () => {
    await folder?.unmount();
    await testEnv?.stop();
    folder = testEnv = undefined;
  });

  it('D5: answers requests, renews with the previous content, and keeps its configuration', async function () {
    if (!canMountFuse()) this.skip();
    testEnv = await startTestEnvironment({ store: 'memory' });
    const env = testEnv;
    const caFile = join(testEnv.folder, 'ca.pem');
    writeFileSync(join(testEnv.folder, 'real.pem'), ownAuthority.certificate);
    symlinkSync('real.pem', caFile);
    writeFileSync(
      join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'),
      `network: { caFile: ${caFile} }\n`,
    );
    const pid = await testEnv.startDaemon();
    assert.equal((await env.iamToken(['login', '--stdin'], oauthToken)).code, 0);

    folder = await mountUnresponsiveFolder();
    unlinkSync(caFile);
    symlinkSync(join(folder.path, 'ca.pem'), caFile);
    const refresh = env.iamToken(['refresh']);
    assert.equal((await env.iamToken(['status', '--timeout', '5s'])).code, 0);
    assert.equal((await refresh).code, 0, (await refresh).stderr);
    assert.match(
      env.readLog(),
      /ca\.pem cannot be read: no answer within 2 s; .* its previous content stays in use/,
    );

    // Each could take a thread of libuv's pool, without which nothing can be written.
    for (let reloads = 1; reloads <= 5; reloads += 1) {
      process.kill(pid, 'SIGHUP');
      await waitUntil(
        () => env.readLog().split('the previous configuration stays in force').length > reloads,
        'the reload fails',
      );
    }
    assert.equal((await env.iamToken(['refresh'])).code, 0);
    assert.equal((await env.iamToken(['logout', '--timeout', '5s'])).code, 0);
  });
});
