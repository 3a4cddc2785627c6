import assert from 'node:assert/strict';
import type { HttpClient } from '../../../src/shared/http-client.ts';
import type { ProfileScope } from '../../../src/protocol/method-types.ts';
import {
  captureCode,
  type RunningProfiles,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const neverAborted = new AbortController().signal;

describe('the scope of a profile', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  /** The cloud and folder that the credential itself has. */
  let discoveredScope: ProfileScope;
  /** Whether IAM rejects impersonation. */
  let isImpersonationRejected: boolean;

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    discoveredScope = {};
    const kind = { ...fixture.iam.kind, readCloudAndFolder: async () => discoveredScope };
    isImpersonationRejected = true;
    const http: HttpClient = {
      send: async () => {
        const body = isImpersonationRejected
          ? '{"code":7,"message":"Permission denied"}'
          : '{"iamToken":"t1.of.ajesa","expiresAt":"2026-11-24T20:00:00Z"}';
        return { status: isImpersonationRejected ? 403 : 200, headers: new Map(), body };
      },
    };
    running = await startProfiles(fixture, {
      findCredentialKind: () => kind,
      tools: createSourceTools({ clock: fixture.clock, http }),
    });
  });

  async function loginAndReadScope(scope: ProfileScope): Promise<ProfileScope> {
    await running.profiles.login({ kind: 'oauth', secret: 'a', ...scope }, neverAborted);
    const { cloudId, folderId } = running.current().profiles['default'] ?? {};
    return { ...(cloudId === undefined ? {} : { cloudId }), ...(folderId === undefined ? {} : { folderId }) };
  }

  it('is stored as given at login, across a restart', async () => {
    const scope = { cloudId: 'b1gcloud', folderId: 'b1gfolder' };
    assert.deepEqual(await loginAndReadScope(scope), scope);
    const { cloudId, folderId } = (await startProfiles(fixture)).current().profiles['default'] ?? {};
    assert.deepEqual({ cloudId, folderId }, scope);
  });

  it('comes from the credential unless given at login', async () => {
    discoveredScope = { cloudId: 'b1gknown', folderId: 'b1gknown' };
    assert.deepEqual(await loginAndReadScope({}), discoveredScope);
    assert.deepEqual(await loginAndReadScope({ folderId: 'b1ggiven' }), {
      cloudId: 'b1gknown',
      folderId: 'b1ggiven',
    });
  });

  it('A7: is inherited by a second login, setting by setting', async () => {
    const scope = { cloudId: 'b1gcloud', folderId: 'b1gfolder' };
    await loginAndReadScope(scope);
    discoveredScope = { cloudId: 'b1gknown', folderId: 'b1gknown' };
    assert.deepEqual(await loginAndReadScope({}), scope);
    const changedScope = { cloudId: 'b1gcloud', folderId: 'b1gother' };
    assert.deepEqual(await loginAndReadScope({ folderId: 'b1gother' }), changedScope);
  });

  it('A7: is cleared by an empty text, also of what the credential has', async () => {
    await loginAndReadScope({ cloudId: 'b1gcloud', folderId: 'b1gfolder' });
    discoveredScope = { cloudId: 'b1gknown' };
    assert.deepEqual(await loginAndReadScope({ cloudId: '' }), { folderId: 'b1gfolder' });
  });

  it('A7: is not inherited after a logout, or by another profile', async () => {
    await loginAndReadScope({ cloudId: 'b1gcloud' });
    await running.profiles.login({ profile: 'other', kind: 'oauth', secret: 'a' }, neverAborted);
    assert.equal(running.current().profiles['other']?.cloudId, undefined);
    await running.profiles.logout();
    assert.deepEqual(await loginAndReadScope({}), {});
  });

  it('A7: keeps the rights: a second login has the impersonated account and the endpoint of the first', async () => {
    isImpersonationRejected = false;
    const first = { endpoint: 'https://iam.api.yandexcloud.kz', impersonateServiceAccountId: 'ajesa' };
    const { inherited: none } = await running.profiles.login(
      { kind: 'oauth', secret: 'a', ...first },
      neverAborted,
    );
    assert.equal(none, null);
    const { inherited } = await running.profiles.login({ kind: 'oauth', secret: 'b' }, neverAborted);
    assert.deepEqual(inherited, first);
    const entry = running.current().profiles['default'];
    assert.deepEqual(
      [entry?.endpoint, entry?.audience, entry?.impersonateServiceAccountId],
      [first.endpoint, `${first.endpoint}/iam/v1/tokens`, 'ajesa'],
    );
    assert.equal(await requestToken(running.profiles.get()), 't1.of.ajesa');

    const cleared = { endpoint: '', impersonateServiceAccountId: '' };
    const { inherited: nothing } = await running.profiles.login(
      { kind: 'oauth', secret: 'c', ...cleared },
      neverAborted,
    );
    assert.equal(nothing, null);
    const { endpoint, impersonateServiceAccountId } = running.current().profiles['default'] ?? {};
    assert.deepEqual([endpoint, impersonateServiceAccountId], ['https://iam.example.net', undefined]);
  });

  it('includes the impersonated account, and a login fails without the role for it', async () => {
    const acting = { kind: 'oauth', secret: 'a', impersonateServiceAccountId: 'ajesa' };
    assert.equal(await captureCode(running.profiles.login(acting, neverAborted)), 'login_required');
    assert.deepEqual(running.current().profiles, {});
    isImpersonationRejected = false;
    await running.profiles.login(acting, neverAborted);
    assert.equal(running.current().profiles['default']?.impersonateServiceAccountId, 'ajesa');
    assert.equal(await requestToken(running.profiles.get()), 't1.of.ajesa');
  });
});
