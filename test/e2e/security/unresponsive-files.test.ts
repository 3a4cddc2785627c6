import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  canMountFuse,
  mountUnresponsiveFolder,
  type UnresponsiveFolder,
} from '../../support/systems/unresponsive-folder.ts';
import { createFakeYc } from '../../support/iam/fake-yc.ts';
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

describe('a daemon whose programs are on a file system that does not respond', () => {
  let testEnv: TestEnvironment | undefined;
  let folder: UnresponsiveFolder | undefined;

  afterEach(async () => {
    await folder?.unmount();
    await testEnv?.stop();
    folder = testEnv = undefined;
  });

  it('18.6: answers requests: the run of a hook or of yc fails after 2 s', async function () {
    if (!canMountFuse()) this.skip();
    testEnv = await startTestEnvironment({ store: 'memory' });
    const env = testEnv;
    folder = await mountUnresponsiveFolder();
    const hook = join(testEnv.folder, 'hook');
    writeFileSync(hook, `#!${folder.path}/sh\n`, { mode: 0o700 });
    writeFileSync(
      join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'),
      `hooks: { rotated: [${hook}], locked: [${folder.path}/notify] }\n`,
    );
    await testEnv.startDaemon();
    const login = env.iamToken(['login', '--stdin'], oauthToken);
    await waitUntil(() => env.readLog().includes(`the hook for rotated failed: ${hook}`), 'the hook fails');
    assert.equal((await env.iamToken(['status', '--timeout', '5s'])).code, 0);
    assert.equal((await login).code, 0);
    const ofPath = `the hook for locked failed: ${folder.path}/notify: no answer within 2 s; a network file system`;
    await waitUntil(() => env.readLog().includes(ofPath), 'the check of the hooks goes on');

    const yc = createFakeYc(env.folder);
    yc.setToken('t1.yc.token', new Date(Date.now() + 3_600_000).toISOString());
    mkdirSync(join(env.folder, 'yandex-cloud', 'bin'), { recursive: true });
    const link = join(env.folder, 'yandex-cloud', 'bin', 'yc');
    symlinkSync(yc.path, link);
    assert.equal((await env.iamToken(['login', '--profile', 'yc', '--yc'])).code, 0);
    unlinkSync(link);
    symlinkSync(join(folder.path, 'yc'), link);
    const refresh = env.iamToken(['refresh', '--profile', 'yc']);
    assert.equal((await env.iamToken(['status', '--timeout', '5s'])).code, 0);
    const { code, stderr } = await refresh;
    assert.equal(code, 5);
    assert.match(stderr, /cannot start .*yc: no answer within 2 s; a network file system may not respond/);
  });
});
