import assert from 'node:assert/strict';
import { createDirectHttpClient } from '../../support/network/http-client-fixture.ts';
import { type Emulator, startEmulator } from '../../emulator/emulator.ts';
import { findCredentialKind } from '../../../src/sources/credential-kinds.ts';
import {
  type RunningProfiles,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { formatKeyFile, getTestKey } from '../../support/iam/test-keys.ts';

const key = getTestKey();
const impersonatedAccountId = 'ajeacted000000000001';
const neverAborted = new AbortController().signal;

describe('a logout that revokes', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let emulator: Emulator;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    emulator = await startEmulator({ clock: fixture.clock, oauthAccounts: [{ token: 'y0_person' }] });
    emulator.allowKey(key);
    emulator.allowImpersonation(key.serviceAccountId, impersonatedAccountId);
    const http = createDirectHttpClient();
    running = await startProfiles(fixture, {
      findCredentialKind: findCredentialKind,
      tools: createSourceTools({ clock: fixture.clock, http }),
      getDefaultInstallation: () => ({ endpoint: emulator.url, audience: `${emulator.url}/iam/v1/tokens` }),
    });
  });
  afterEach(() => emulator.close());

  const login = () =>
    running.profiles.login({ kind: 'service-account-key', secret: formatKeyFile() }, neverAborted);
  const isAccepted = async (token: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${emulator.url}/resource-manager/v1/clouds`, { headers })).ok;
  };
  const keyAdvice = {
    message: `the authorized key ${key.id} is still valid`,
    hint: `yc iam key delete ${key.id}`,
  };

  it('revokes all IAM tokens of the profile, and names what only the user can revoke', async () => {
    const own = await requestToken((await login()).profile);
    const impersonated = await requestToken(
      running.profiles.getImpersonated(undefined, impersonatedAccountId, null),
    );
    assert.deepEqual([await isAccepted(own), await isAccepted(impersonated)], [true, true]);
    assert.deepEqual(await running.profiles.revoke(undefined, neverAborted), {
      tokenRevoked: true,
      left: [keyAdvice],
    });
    assert.deepEqual([await isAccepted(own), await isAccepted(impersonated)], [false, false]);
  });

  it('reports how long a token stays valid that IAM did not revoke', async () => {
    await login();
    emulator.setFault({ kind: 'unavailable' });
    const { tokenRevoked, left } = await running.profiles.revoke(undefined, neverAborted);
    assert.equal(tokenRevoked, false);
    assert.match(
      left[0]?.message ?? '',
      /^an IAM token could not be revoked \(IAM returned HTTP 503 with code 14: .*\) and is valid until 2026-11-25T00:00:00\.000Z$/,
    );
    assert.deepEqual(left[1], keyAdvice);
  });

  for (const [fault, expectedReason] of [
    [{ kind: 'html' }, /unexpected response from IAM .*: HTTP 403 with a web page/],
    [{ kind: 'cut' }, /cannot reach IAM/],
    [{ kind: 'status', code: 16, message: 'no', httpStatus: 200 }, /IAM rejected the request with code 16/],
    [{ kind: 'status', code: 7, message: 'no' }, /IAM rejected the request with code 7: no/],
  ] as const) {
    it(`does not count as a success: ${fault.kind}`, async () => {
      await login();
      emulator.setFault(fault);
      const { tokenRevoked, left } = await running.profiles.revoke(undefined, neverAborted);
      assert.equal(tokenRevoked, false);
      assert.match(left[0]?.message ?? '', expectedReason);
    });
  }

  it('has no token to revoke after its expiry', async () => {
    await login();
    emulator.setFault({ kind: 'unavailable' });
    fixture.clock.advance(13 * 60 * 60_000);
    assert.deepEqual(await running.profiles.revoke(undefined, neverAborted), {
      tokenRevoked: false,
      left: [keyAdvice],
    });
  });

  it('names the page to revoke an OAuth token', async () => {
    await running.profiles.login({ kind: 'oauth', secret: 'y0_person' }, neverAborted);
    const { left } = await running.profiles.revoke(undefined, neverAborted);
    assert.deepEqual(left, [
      {
        message: 'the OAuth token itself is still valid',
        hint: 'revoke the access at https://id.yandex.com/personal/data-access',
      },
    ]);
  });

  it('revokes the tokens while the store is closed', async () => {
    await login();
    fixture.store.failWith('keychain_locked');
    assert.deepEqual(await running.profiles.revoke(undefined, neverAborted), {
      tokenRevoked: true,
      left: [],
    });
  });
});
