import assert from 'node:assert/strict';
import { undiciHttp } from '../../src/adapters/undici-http.ts';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { kindNamed } from '../../src/sources/kinds.ts';
import { type Running, startProfiles, tokenOf, type World, world } from '../support/profiles-fixture.ts';
import { sourceTools } from '../support/source-tools.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { keyFile, testKey } from '../support/test-keys.ts';

const key = testKey();
const acted = 'ajeacted000000000001';
const never = new AbortController().signal;

describe('a logout that revokes', () => {
  const folder = temporaryFolder();
  let here: World;
  let emulator: Emulator;
  let running: Running;

  beforeEach(async () => {
    here = world(folder());
    emulator = await startEmulator({ clock: here.clock, oauthAccounts: [{ token: 'y0_person' }] });
    emulator.allowKey(key);
    emulator.allowActingAs(key.serviceAccountId, acted);
    const http = undiciHttp({ proxy: null, noProxy: [], certificates: null });
    running = startProfiles(here, {
      kindOf: kindNamed,
      tools: sourceTools({ clock: here.clock, http }),
      defaultInstallation: () => ({ endpoint: emulator.url, audience: `${emulator.url}/iam/v1/tokens` }),
    });
  });
  afterEach(() => emulator.close());

  const login = () => running.profiles.login({ kind: 'service-account-key', secret: keyFile() }, never);
  const isTaken = async (token: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
  };
  const keyAdvice = {
    message: `the authorized key ${key.id} is still valid`,
    hint: `yc iam key delete ${key.id}`,
  };

  it('ends every IAM token that was made by way of the profile, and names what only a person can end', async () => {
    const own = await tokenOf(await login());
    const byCall = await tokenOf(running.profiles.acting(undefined, acted));
    assert.deepEqual([await isTaken(own), await isTaken(byCall)], [true, true]);
    assert.deepEqual(await running.profiles.revoke(undefined, never), {
      tokenRevoked: true,
      left: [keyAdvice],
    });
    assert.deepEqual([await isTaken(own), await isTaken(byCall)], [false, false]);
  });

  it('says how long a token is still valid that IAM did not revoke', async () => {
    await login();
    emulator.setFault({ kind: 'unavailable' });
    const { tokenRevoked, left } = await running.profiles.revoke(undefined, never);
    assert.equal(tokenRevoked, false);
    assert.match(
      left[0]?.message ?? '',
      /^an IAM token could not be revoked \(IAM answered 503 with code 14: .*\) and is valid until 2026-11-25T00:00:00\.000Z$/,
    );
    assert.deepEqual(left[1], keyAdvice);
  });

  for (const [fault, why] of [
    [{ kind: 'html' }, /IAM answered 403 with a web page/],
    [{ kind: 'cut' }, /IAM cannot be reached/],
    [{ kind: 'status', code: 16, message: 'no', httpStatus: 200 }, /IAM refused with code 16/],
    [{ kind: 'status', code: 7, message: 'no' }, /IAM refused with code 7: no/],
  ] as const) {
    it(`does not take this for a success: ${fault.kind}`, async () => {
      await login();
      emulator.setFault(fault);
      const { tokenRevoked, left } = await running.profiles.revoke(undefined, never);
      assert.equal(tokenRevoked, false);
      assert.match(left[0]?.message ?? '', why);
    });
  }

  it('has no token to revoke once that has expired', async () => {
    await login();
    emulator.setFault({ kind: 'unavailable' });
    here.clock.advance(13 * 60 * 60_000);
    assert.deepEqual(await running.profiles.revoke(undefined, never), {
      tokenRevoked: false,
      left: [keyAdvice],
    });
  });

  it('names the page where an OAuth token is revoked', async () => {
    await running.profiles.login({ kind: 'oauth', secret: 'y0_person' }, never);
    const { left } = await running.profiles.revoke(undefined, never);
    assert.deepEqual(left, [
      {
        message: 'the OAuth token itself is still valid',
        hint: 'take the access back at https://id.yandex.com/personal/data-access',
      },
    ]);
  });

  it('says what it can while the store is closed', async () => {
    await login();
    here.store.failWith('keychain_locked');
    assert.deepEqual(await running.profiles.revoke(undefined, never), { tokenRevoked: true, left: [] });
  });
});
