import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { listFilesBelow } from '../../support/processes/leak-traces.ts';
import { oauthToken, startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';

describe('the store memory', () => {
  let testEnv: TestEnvironment;

  beforeEach(async () => {
    testEnv = await startTestEnvironment({ store: 'memory', logLevel: 'debug' });
    await testEnv.startDaemon();
    const { code } = await testEnv.iamToken(['login', '--stdin', '--profile', 'work'], oauthToken);
    assert.equal(code, 0);
  });
  afterEach(() => testEnv.stop());

  it('SECURITY.md: writes no credential and no token to disk, and nothing but lists, locks and the log', async () => {
    const token = (await testEnv.iamToken()).stdout.trim();
    assert.match(token, /^t1\./);
    await testEnv.stopDaemon();
    const files = listFilesBelow(testEnv.folder);
    for (const path of files) {
      const text = readFileSync(path, 'latin1');
      assert.ok(!text.includes(oauthToken) && !text.includes(token), path);
      assert.match(basename(path), /^(?:config\.yaml|profiles\.json|daemon\.json|.*lock|iam-tokend\.log)$/);
    }
    assert.ok(files.some((path) => path.endsWith('profiles.json')));
  });

  it('SECURITY.md: loses credential and token at a restart, and keeps the profile', async () => {
    await testEnv.stopDaemon();
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken(['--profile', 'work'])).code, 4);
    const { stdout } = await testEnv.iamToken(['profiles']);
    assert.match(stdout, /work/);
  });
});
