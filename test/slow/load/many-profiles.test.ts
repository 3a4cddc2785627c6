import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyFile, storeProfiles } from '../../support/load/stored-profiles.ts';
import { getKeyringSkipReason } from '../../support/stores/private-keyring.ts';
import { startTestEnvironment, type TestEnvironment } from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

interface StatusOfProfiles {
  readonly profiles: readonly { readonly profile: string; readonly expiresAt: string | null }[];
}

describe('a start with 1,000 profiles', function () {
  this.timeout(240_000);
  let env: TestEnvironment;

  afterEach(() => env.stop());

  for (const store of ['file', 'keychain'] as const) {
    it(`E7: reads each credential and token from the ${store}, without an error`, async function () {
      if (store === 'keychain' && getKeyringSkipReason() !== null) this.skip();
      env = await startTestEnvironment({ store });
      const configFile = join(env.folder, 'config', 'iam-tokend', 'config.yaml');
      if (store === 'file') writeFileSync(configFile, `file: { key-file: ${join(env.folder, keyFile)} }\n`);
      const names = await storeProfiles(env, 1_000);
      await env.startDaemon();
      await waitUntil(() => env.readLog().includes('read the store'), 'the store was read', 180_000);
      assert.doesNotMatch(env.readLog(), /cannot read the credential/);
      const { stdout } = await env.iamToken(['status', '--json', '--timeout', '60s']);
      const { profiles } = JSON.parse(stdout) as StatusOfProfiles;
      const withToken = profiles.filter(({ expiresAt }) => expiresAt !== null);
      assert.deepEqual(withToken.map(({ profile }) => profile).toSorted(), names.toSorted());
      const last = names.at(-1) ?? '';
      assert.equal((await env.iamToken(['--profile', last])).stdout, `t1.${last}\n`);
    });
  }
});
