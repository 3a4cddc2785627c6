import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import {
  captureCode,
  login,
  refreshToken,
  startLoaded,
  restart,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('profiles', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;

  beforeEach(() => {
    fixture = createProfilesFixture(folder());
  });

  describe('while the store is closed', () => {
    it('report a locked keychain, and read it again without a prompt', async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a');
      await before.profiles.stop();
      fixture.store.failWith('keychain_locked');
      const after = await startLoaded(fixture);
      assert.equal(await captureCode(requestToken(after.profiles.get())), 'keychain_locked');
      fixture.store.failWith(null);
      fixture.clock.advance(30_000);
      assert.equal(await requestToken(after.profiles.get()), 't1.a.1');
      assert.ok(
        fixture.store.calls.every(
          ({ operation, interaction }) => operation !== 'read' || interaction === 'background',
        ),
      );
    });

    it('announce and log a closed keychain once, and announce the token that follows', async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a');
      await before.profiles.stop();
      fixture.announcedEvents.length = 0;
      fixture.store.failWith('keychain_locked');
      const after = await startLoaded(fixture);
      for (let i = 0; i < 3; i++) {
        fixture.clock.advance(30_000);
        assert.equal(await captureCode(requestToken(after.profiles.get())), 'keychain_locked');
      }
      assert.deepEqual(fixture.announcedEvents, ['locked default']);
      assert.equal(fixture.log.lines.filter((line) => line.includes('cannot read the credential')).length, 1);
      fixture.store.failWith(null);
      fixture.clock.advance(30_000);
      assert.equal(await requestToken(after.profiles.get()), 't1.a.1');
      assert.deepEqual(fixture.announcedEvents, ['locked default', 'rotated default']);
    });

    it('read the store again for a request, at most every 5 s', async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a');
      await before.profiles.stop();
      fixture.store.failWith('keychain_unavailable');
      const after = await startLoaded(fixture);
      const calls = fixture.store.calls.length;
      for (let i = 0; i < 10; i++) {
        assert.equal(await captureCode(requestToken(after.profiles.getUnlocked())), 'keychain_unavailable');
      }
      assert.equal(fixture.store.calls.length, calls + 1);
      fixture.clock.advance(5_000);
      fixture.store.failWith(null);
      assert.equal(await requestToken(after.profiles.getUnlocked()), 't1.a.1');
    });
  });

  describe('while the store is being read', () => {
    it('read the store in parallel', async () => {
      const before = await startLoaded(fixture);
      for (const name of ['a', 'b', 'c']) await login(before, name, name);
      await before.profiles.stop();
      const reads = (): number => fixture.store.calls.filter(({ operation }) => operation === 'read').length;
      const readBefore = reads();
      const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
      const after = await startProfiles(fixture);
      const loading = after.profiles.load();
      assert.equal(reads() - readBefore, 3);
      release();
      await loading;
    });

    it('make requests wait for the store', async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a');
      await before.profiles.stop();
      const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
      const after = await startProfiles(fixture);
      const loading = after.profiles.load();
      const token = requestToken(after.profiles.getUnlocked());
      await turn();
      release();
      assert.equal(await token, 't1.a.1');
      await loading;
    });

    for (const end of ['well', 'in failure'] as const) {
      it(`keep a login that ended while the store was read, when the read ends ${end}`, async () => {
        const before = await startLoaded(fixture);
        await login(before, 'old');
        await before.profiles.stop();
        const release = fixture.store.holdCalls(
          ({ operation, key }) => operation === 'read' && !key.endsWith('.token'),
        );
        const after = await startProfiles(fixture);
        const loading = after.profiles.load();
        await turn();
        await login(after, 'new');
        if (end === 'in failure')
          fixture.store.failWith('keychain_locked', ({ operation }) => operation === 'read');
        release();
        await loading;
        assert.equal(await requestToken(after.profiles.get()), 't1.new.2');
        fixture.store.failWith(null);
        assert.equal(await refreshToken(after.profiles.get()), 't1.new.3');
        assert.equal(await refreshToken((await restart(fixture, after)).profiles.get()), 't1.new.4');
      });
    }

    it('keep the slot of a login in progress', async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a', 'first');
      await before.profiles.stop();
      const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
      const after = await startProfiles(fixture);
      const loading = after.profiles.load();
      fixture.iam.respond = null;
      const loggingIn = login(after, 'b', 'second');
      await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
      release();
      await loading;
      fixture.iam.exchanges[1]?.succeed();
      await loggingIn;
      fixture.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await refreshToken((await restart(fixture, after)).profiles.get('second')), 't1.b.3');
    });

    it('stop reading the store for a profile that has logged in', async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a', 'a');
      await login(before, 'b', 'b');
      await before.profiles.stop();
      const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
      const after = await startProfiles(fixture);
      const loading = after.profiles.load();
      await turn();
      await login(after, 'new', 'b');
      await login(after, 'c', 'c');
      const reads = (): number => fixture.store.calls.filter(({ operation }) => operation === 'read').length;
      const before2 = reads();
      release();
      await loading;
      assert.equal(reads() - before2, 1, 'the token of the first profile only');
      assert.equal(await requestToken(after.profiles.get('b')), 't1.new.3');
    });
  });
});
