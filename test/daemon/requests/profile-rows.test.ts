import assert from 'node:assert/strict';
import { encodeFrame, maxFrameBytes } from '../../../src/protocol/envelope.ts';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { type FakePeer } from '../../support/daemon/fake-peer.ts';
import {
  login,
  startProfiles,
  type ProfilesFixture,
  type RunningProfiles,
} from '../../support/daemon/profiles-fixture.ts';
import { daemonStatus, RequestFixture } from '../../support/daemon/request-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('the status and profiles methods', () => {
  const folder = useTemporaryFolder();
  let requests: RequestFixture;
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  let peer: FakePeer;

  beforeEach(async () => {
    requests = await RequestFixture.start(folder());
    ({ base: fixture, running, peer } = requests);
  });

  it('returns the status of each profile', async () => {
    await login(running, 'a', 'work');
    const { result } = await requests.callAndWait('status');
    assert.deepEqual(result?.['daemon'], daemonStatus);
    assert.deepEqual(result?.['profiles'], [
      {
        profile: 'work',
        isDefault: true,
        kind: 'oauth',
        endpoint: 'https://iam.example.net',
        state: 'ok',
        subject: 'subject-of-a',
        expiresAt: '2026-11-25T00:00:00.000Z',
        timeLeftMs: 43_200_000,
        nextRenewalAt: '2026-11-24T13:00:00.000Z',
        problem: null,
        trouble: null,
        successesInHour: 1,
        attemptsInHour: 1,
        clockOffsetMs: 0,
      } satisfies ProfileStatus,
    ]);
    assert.equal(result?.['next'], null);
    assert.deepEqual((await requests.callAndWait('status', { profile: 'work' })).result, result);
  });

  it('17-6: read the list of profiles once for all pages', async () => {
    await login(running, 'a', 'work');
    let listCount = 0;
    const { work } = running.current().profiles;
    const profiles = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`profile-${i}`, work]));
    const countedProfiles = new Proxy(profiles, {
      ownKeys(target) {
        listCount += 1;
        return Reflect.ownKeys(target);
      },
    }) as typeof running.registry.current.profiles;
    Object.assign(running.registry, { current: { ...running.current(), profiles: countedProfiles } });
    const names: string[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const { result } = await requests.callAndWait('profiles', after === undefined ? {} : { after });
      const page = result as { profiles: readonly { profile: string }[]; next: string | null };
      names.push(...page.profiles.map(({ profile }) => profile));
      after = page.next;
    }
    assert.deepEqual(names, Object.keys(profiles).toSorted());
    assert.equal(listCount, 1);
  });

  describe('with a hundred profiles', () => {
    const names = Array.from({ length: 100 }, (_, i) => `${'😀'.repeat(62)}${String(i).padStart(2, '0')}`);

    beforeEach(async () => {
      await running.registry.update((registry) => ({
        ...registry,
        default: names[0] ?? null,
        profiles: Object.fromEntries(
          names.map((name, i) => [
            name,
            {
              kind: 'oauth',
              endpoint: `https://${'x'.repeat(247)}`,
              audience: 'a',
              slot: String(i).padStart(16, '0'),
            },
          ]),
        ),
      }));
      running = await startProfiles(fixture);
      fixture.store.failWith('keychain_locked');
      for (const name of names) {
        running.profiles.get(name).removeCredential({
          code: 'keychain_unavailable',
          message: '鍵'.repeat(300),
          hint: `iam-token login --profile '${name}'`,
        });
      }
      requests.replaceProfiles(running);
    });

    for (const method of ['status', 'profiles']) {
      it(`returns ${method} in pages that fit a frame, each name once and in order`, async () => {
        const seen: unknown[] = [];
        let after: object = {};
        for (let pageCount = 0; ; pageCount++) {
          assert.ok(pageCount < 100);
          const id = requests.call(method, after);
          await peer.waitForResponse(id);
          const message = peer.sentMessages.at(-1);
          assert.ok(Buffer.byteLength(encodeFrame(message)) <= maxFrameBytes);
          const { result } = message as {
            readonly result: { readonly profiles: ProfileStatus[]; readonly next: string | null };
          };
          seen.push(...result.profiles.map(({ profile }) => profile));
          if (result.next === null) break;
          after = { after: result.next };
        }
        assert.deepEqual(seen, names);
      });

      it(`limits ${method} to the requested number, and returns an empty page after the last name`, async () => {
        const { result } = await requests.callAndWait(method, { limit: 3, after: names[9] });
        const rows = result?.['profiles'] as readonly { readonly profile: string }[];
        assert.deepEqual(
          rows.map(({ profile }) => profile),
          names.slice(10, 13),
        );
        assert.equal(result?.['next'], names[12]);
        const { result: last } = await requests.callAndWait(method, { after: names[99] });
        assert.deepEqual([last?.['profiles'], last?.['next']], [[], null]);
      });

      it(`returns only the named profile for ${method}`, async () => {
        const { result } = await requests.callAndWait(method, { profile: names[7] });
        const rows = result?.['profiles'] as readonly { readonly profile: string }[];
        assert.deepEqual([rows.map(({ profile }) => profile), result?.['next']], [[names[7]], null]);
        assert.equal(await requests.captureCode(method, { profile: 'missing' }), 'unknown_profile');
      });
    }
  });
});
