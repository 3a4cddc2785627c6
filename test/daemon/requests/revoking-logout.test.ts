import assert from 'node:assert/strict';
import type { HttpClient } from '../../../src/shared/http-client.ts';
import { login, startProfiles } from '../../support/daemon/profiles-fixture.ts';
import { RequestFixture } from '../../support/daemon/request-fixture.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('logout --revoke', () => {
  const folder = useTemporaryFolder();

  for (const [change, method, params, profile] of [
    ['the default changes', 'use', { profile: 'home' }, 'work'],
    ['it is renamed', 'rename', { profile: 'work', to: 'office' }, 'office'],
  ] as const) {
    it(`logs out of the profile whose tokens it revoked if ${change} in between`, async () => {
      const requests = await RequestFixture.start(folder());
      const send: HttpClient['send'] = async () => {
        await requests.callAndWait(method, params);
        return { status: 200, headers: new Map(), body: '{}' };
      };
      const { base } = requests;
      const tools = createSourceTools({ http: { send }, clock: base.clock });
      requests.replaceProfiles(await startProfiles(base, { tools }));
      for (const name of ['work', 'home']) await login(requests.running, name, name);
      const { result } = await requests.callAndWait('logout', { revoke: true });
      assert.deepEqual(result, { profile, tokenRevoked: true, left: [] });
    });
  }
});
