import assert from 'node:assert/strict';
import type { HttpClient } from '../../src/shared/http-client.ts';
import { Subscriptions } from '../../src/daemon/requests/subscriptions.ts';
import { createFakePeer } from '../support/daemon/fake-peer.ts';
import { holdUpdates } from '../support/stores/hold-updates.ts';
import {
  captureCode,
  createProfilesFixture,
  login,
  type ProfilesFixture,
  refreshToken,
  requestToken,
  restart,
  type RunningProfiles,
  startProfiles,
} from '../support/daemon/profiles-fixture.ts';
import { createSourceTools } from '../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

const { signal } = new AbortController();

describe('a profile that keeps its credential', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  /** Of the impersonated account; IAM rejects it otherwise. */
  let isImpersonationAllowed: boolean;

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    isImpersonationAllowed = true;
    const http: HttpClient = {
      send: async () =>
        isImpersonationAllowed
          ? {
              status: 200,
              headers: new Map(),
              body: '{"iamToken":"t1.of.ajesa","expiresAt":"2026-11-24T20:00:00Z"}',
            }
          : { status: 403, headers: new Map(), body: '{"code":7,"message":"Permission denied"}' },
    };
    running = await startProfiles(fixture, { tools: createSourceTools({ clock: fixture.clock, http }) });
    await running.profiles.load();
    await login(running, 'a', 'work');
  });

  const entryOf = (name: string) => running.current().profiles[name];

  describe('and gets other settings', () => {
    it('18.2: has them at once and after a restart, without an exchange', async () => {
      const { slot } = entryOf('work') ?? {};
      await running.profiles.editor.edit(
        { profile: 'work', folderId: 'b1gfolder', cloudId: 'b1gcloud' },
        signal,
      );
      await running.profiles.editor.edit({ folderId: '' }, signal);
      assert.equal(fixture.iam.exchanges.length, 1, 'that of the login');
      assert.deepEqual([entryOf('work')?.cloudId, entryOf('work')?.folderId], ['b1gcloud', undefined]);
      assert.equal(entryOf('work')?.slot, slot);
      running = await restart(fixture, running);
      assert.equal(entryOf('work')?.cloudId, 'b1gcloud');
    });

    it('18.2: verifies another impersonated account, and changes nothing if IAM rejects it', async () => {
      isImpersonationAllowed = false;
      const edit = running.profiles.editor.edit(
        { impersonateServiceAccountId: 'ajesa', folderId: 'b1gx' },
        signal,
      );
      assert.equal(await captureCode(edit), 'login_required');
      assert.deepEqual(
        [entryOf('work')?.folderId, entryOf('work')?.impersonateServiceAccountId],
        [undefined, undefined],
      );
      isImpersonationAllowed = true;
      await running.profiles.editor.edit({ impersonateServiceAccountId: 'ajesa' }, signal);
      assert.equal(await requestToken(running.profiles.get()), 't1.of.ajesa');
      await running.profiles.editor.edit({ impersonateServiceAccountId: '' }, signal);
      assert.match(await requestToken(running.profiles.get()), /^t1\.a\./);
    });

    it('18.2: rejects a credential, an endpoint, no setting at all, and an unknown profile', async () => {
      for (const [params, code] of [
        [{ secret: 'x', folderId: 'b1g' }, 'bad_request'],
        [{ settings: {}, folderId: 'b1g' }, 'bad_request'],
        [{ endpoint: 'https://iam.example.org' }, 'bad_request'],
        [{}, 'bad_request'],
        [{ profile: 'nope', folderId: 'b1g' }, 'unknown_profile'],
      ] as const)
        assert.equal(
          await captureCode(running.profiles.editor.edit(params, signal)),
          code,
          JSON.stringify(params),
        );
    });
  });

  describe('and is renamed', () => {
    it('18.2: keeps its credential and its token, and stays the default profile', async () => {
      const profile = running.profiles.get('work');
      const token = await requestToken(profile);
      assert.equal(await running.profiles.editor.rename('work', 'office'), 'office');
      assert.equal(running.profiles.get('office'), profile);
      assert.equal(profile.name, 'office');
      assert.equal(await requestToken(running.profiles.get()), token);
      assert.equal(fixture.iam.exchanges.length, 1);
      assert.deepEqual(
        [running.current().default, Object.keys(running.current().profiles)],
        ['office', ['office']],
      );
      assert.equal(
        await captureCode(Promise.resolve().then(() => running.profiles.get('work'))),
        'unknown_profile',
      );
    });

    it('18.2: is renewed, announced, logged and stored under the new name', async () => {
      await running.profiles.editor.rename('work', 'office');
      fixture.clock.advance(60_000);
      await refreshToken(running.profiles.get('office'));
      assert.equal(fixture.announcedEvents.at(-1), 'rotated office');
      running = await restart(fixture, running);
      assert.match(await requestToken(running.profiles.get('office')), /^t1\.a\.2$/);
      assert.equal(fixture.iam.exchanges.length, 2, 'the renewed token was stored');
    });

    it('18.2: leaves its old name to another profile', async () => {
      await running.profiles.editor.rename('work', 'office');
      await login(running, 'b', 'work');
      assert.match(await requestToken(running.profiles.get('work')), /^t1\.b\./);
      assert.match(await requestToken(running.profiles.get('office')), /^t1\.a\./);
      assert.equal(running.profiles.get('office').name, 'office');
    });

    it('18.2: does not take the name of another profile, or its own', async () => {
      await login(running, 'b', 'home');
      for (const to of ['home', 'work'])
        assert.equal(await captureCode(running.profiles.editor.rename('work', to)), 'bad_request', to);
      assert.equal(await captureCode(running.profiles.editor.rename('nope', 'x')), 'unknown_profile');
      assert.deepEqual(Object.keys(running.current().profiles).toSorted(), ['home', 'work']);
    });

    it('18.2: waits for a login to either name', async () => {
      const loggedIn = login(running, 'c', 'work');
      const renamed = running.profiles.editor.rename('work', 'office');
      await loggedIn;
      await renamed;
      assert.match(await requestToken(running.profiles.get('office')), /^t1\.c\./);
      const created = login(running, 'd', 'new');
      assert.equal(await captureCode(running.profiles.editor.rename('office', 'new')), 'bad_request');
      await created;
    });

    it('18.2: completes a renewal that is under way, under the new name', async () => {
      fixture.iam.respond = null;
      fixture.clock.advance(60_000);
      const refreshed = refreshToken(running.profiles.get('work'));
      await waitUntil(() => fixture.iam.exchanges.length === 2, 'the renewal runs');
      await running.profiles.editor.rename('work', 'office');
      fixture.iam.exchanges[1]?.succeed();
      assert.match(await refreshed, /^t1\.a\.2$/);
      assert.equal(fixture.announcedEvents.at(-1), 'rotated office');
      running = await restart(fixture, running);
      assert.match(await requestToken(running.profiles.get('office')), /^t1\.a\.2$/);
      assert.equal(fixture.iam.exchanges.length, 2, 'the renewed token was stored');
    });

    for (const failure of [null, 'keychain_locked'] as const) {
      const end = failure === null ? 'well' : 'in failure';
      it(`is loaded under the new name if the read of the store began before and ends ${end}`, async () => {
        await running.profiles.stop();
        const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
        running = await startProfiles(fixture);
        const loading = running.profiles.load();
        await running.profiles.editor.rename('work', 'office');
        fixture.store.failWith(failure);
        release();
        await loading;
        const { phase, token } = running.profiles.get('office').state;
        assert.deepEqual(
          [phase.kind, token?.value.expose()],
          failure === null ? ['idle', 't1.a.1'] : ['no_credential', undefined],
        );
      });
    }

    it('has the notice of a token that was not stored, and names its new name in the log', async () => {
      await login(running, 'b', 'home');
      fixture.store.failWith('keychain_unavailable', ({ operation }) => operation === 'write');
      const release = fixture.store.holdCalls(({ operation }) => operation === 'write');
      fixture.clock.advance(60_000);
      await refreshToken(running.profiles.get('home'));
      fixture.iam.respond = null;
      const refreshed = captureCode(refreshToken(running.profiles.get('home')));
      await running.profiles.editor.rename('home', 'office');
      release();
      const entry = entryOf('office');
      assert.ok(entry !== undefined);
      const getNotice = (): string | null => running.profiles.getNotice('office', entry);
      await waitUntil(() => getNotice()?.includes('not stored for a restart') === true, 'the notice');
      fixture.iam.exchanges.at(-1)?.fail({
        kind: 'interaction_required',
        message: 'a login is needed',
        hint: { command: 'login' },
      });
      assert.equal(await refreshed, 'login_required');
      assert.equal(fixture.log.lines.at(-1), 'warn hint: iam-token login --profile office --oauth');
    });

    it('stays the default profile, and keeps its credential, if its old name is used or logged out', async () => {
      for (const change of ['use', 'logout'] as const) {
        const updates = holdUpdates(running.registry);
        const renamed = running.profiles.editor.rename('work', 'office');
        await waitUntil(() => updates.count === 1, 'the rename is being written');
        const changed = captureCode(
          change === 'use' ? running.profiles.editor.use('work') : running.profiles.logout('work'),
        );
        await waitUntil(() => updates.count === 2, 'the change waits for its turn');
        updates.release();
        await renamed;
        assert.equal(await changed, 'unknown_profile', change);
        assert.deepEqual([running.current().default, running.profiles.get().name], ['office', 'office']);
        assert.equal(await requestToken(running.profiles.get('office')), 't1.a.1');
        await running.profiles.editor.rename('office', 'work');
      }
    });

    it('18.2: takes its subscribers along', () => {
      const subscriptions = new Subscriptions();
      const peer = createFakePeer();
      subscriptions.add(peer, 'work');
      subscriptions.rename('work', 'office');
      subscriptions.publish('rotated', { profile: 'work' });
      subscriptions.publish('rotated', { profile: 'office' });
      assert.deepEqual(peer.listEvents(), ['rotated office']);
    });
  });
});
