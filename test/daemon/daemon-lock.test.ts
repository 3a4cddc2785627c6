import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createMemoryStore } from '../../src/stores/memory-store.ts';
import { IamTokenError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import {
  captureCode,
  login,
  refreshToken,
  type RunningProfiles,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
  daemonLocked,
  startLoaded,
} from '../support/daemon/profiles-fixture.ts';
import { holdUpdates } from '../support/stores/hold-updates.ts';
import { captureProblem } from '../support/problems.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('a locked daemon', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    fixture.announcedEvents.splice(0);
  });

  const token = async (name?: string): Promise<string> => requestToken(running.profiles.getUnlocked(name));
  const readRegistryFile = (): { readonly locked?: boolean } =>
    JSON.parse(readFileSync(join(folder(), 'profiles.json'), 'utf8')) as { readonly locked?: boolean };

  it('refuses every token, with the hint to unlock', async () => {
    assert.equal((await running.profiles.lock()).outcome, 'locked');
    assert.equal(running.profiles.isLocked, true);
    for (const name of [undefined, 'work', 'missing']) {
      assert.deepEqual(await captureProblem(token(name)), daemonLocked);
    }
    assert.equal((await running.profiles.lock()).outcome, 'was_locked');
  });

  it('rejects waiting requests at once, cancels the exchange and ignores its outcome', async () => {
    fixture.iam.respond = null;
    const waiting = captureCode(refreshToken(running.profiles.get()));
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the exchange is under way');
    const locking = running.profiles.lock();
    assert.equal(running.profiles.get().state.token, null);
    assert.equal(fixture.iam.exchanges[1]?.signal.aborted, true);
    assert.equal(await waiting, 'locked');
    await locking;
    fixture.iam.exchanges[1]?.succeed();
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(running.profiles.get().state.token, null);
  });

  it('locks its store, and sends its event once', async () => {
    await login(running, 'b', 'home');
    fixture.announcedEvents.splice(0);
    await running.profiles.lock();
    await running.profiles.lock();
    assert.equal(fixture.store.lockCount, 2);
    assert.deepEqual(fixture.announcedEvents, ['locked work', 'locked home']);
  });

  it('calls neither the store nor IAM', async () => {
    await running.profiles.lock();
    const calls = fixture.store.calls.length;
    fixture.clock.advance(24 * 60 * 60_000);
    running.profiles.reschedule();
    await turn();
    await captureCode(token());
    assert.deepEqual([fixture.store.calls.length, fixture.iam.exchanges.length], [calls, 1]);
  });

  it('stays locked across a restart, and does not read the store', async () => {
    await running.profiles.lock();
    assert.equal(readRegistryFile().locked, true);
    await running.profiles.stop();
    const calls = fixture.store.calls.length;
    running = await startLoaded(fixture);
    assert.deepEqual(await captureProblem(token()), daemonLocked);
    assert.equal(fixture.store.calls.length, calls);
    assert.equal(await running.profiles.unlock(null), 'opened');
    assert.equal(await token(), 't1.a.1');
    assert.equal('locked' in readRegistryFile(), false);
    await running.profiles.stop();
    running = await startLoaded(fixture);
    assert.equal(await token(), 't1.a.1');
  });

  it('serves the stored token after an unlock, without an exchange, and sends an event', async () => {
    await running.profiles.lock();
    fixture.announcedEvents.splice(0);
    assert.equal(await running.profiles.unlock(null), 'opened');
    assert.equal(running.profiles.isLocked, false);
    assert.equal(await token(), 't1.a.1');
    assert.equal(fixture.iam.exchanges.length, 1);
    assert.deepEqual(fixture.announcedEvents, ['rotated work']);
    assert.equal(await running.profiles.unlock(null), 'was_open');
    assert.equal(fixture.iam.exchanges.length, 1);
    assert.deepEqual(fixture.announcedEvents, ['rotated work']);
  });

  it('reads its store interactively during an unlock', async () => {
    await running.profiles.lock();
    const before = fixture.store.calls.length;
    await running.profiles.unlock(null);
    const reads = fixture.store.calls.slice(before).filter(({ operation }) => operation === 'read');
    assert.deepEqual(
      reads.map(({ interaction }) => interaction),
      ['interactive', 'interactive'],
    );
  });

  it('stays locked if the store does not open', async () => {
    await running.profiles.lock();
    fixture.store.failWith('keychain_locked');
    assert.equal(await captureCode(running.profiles.unlock(null)), 'keychain_locked');
    assert.deepEqual([running.profiles.isLocked, readRegistryFile().locked], [true, true]);
    assert.equal(await captureCode(token()), 'locked');
  });

  it('has an empty memory store', async () => {
    const store = createMemoryStore();
    await store.write('x', new Secret('one'), 'interactive');
    running = await startProfiles(fixture, { store });
    await running.profiles.lock();
    assert.equal(await store.read('x', 'interactive'), null);
  });

  it('reads a closed store again during an unlock', async () => {
    await running.profiles.stop();
    fixture.store.failWith('keychain_locked');
    running = await startLoaded(fixture);
    assert.equal(await captureCode(token()), 'keychain_locked');
    fixture.store.failWith(null);
    assert.equal(await running.profiles.unlock(null), 'was_open');
    assert.equal(await token(), 't1.a.1');
  });

  it('ignores a store that responds after the lock', async () => {
    await running.profiles.stop();
    const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
    running = await startProfiles(fixture);
    const loading = running.profiles.load();
    await turn();
    await running.profiles.lock();
    release();
    await loading;
    assert.equal(running.profiles.get().state.token, null);
    assert.equal(await captureCode(token()), 'locked');
  });

  it('is not unlocked by an unlock that began before the lock', async () => {
    await running.profiles.lock();
    const unlocking = captureProblem(running.profiles.unlock(null));
    await running.profiles.lock();
    assert.equal((await unlocking).code, 'locked');
    assert.deepEqual([running.profiles.isLocked, readRegistryFile().locked], [true, true]);
    assert.equal(await captureCode(token()), 'locked');
  });

  it('is unlocked after a restart too if the unlock began before the lock was written', async () => {
    const updates = holdUpdates(running.registry);
    const locking = running.profiles.lock();
    const unlocking = running.profiles.unlock(null);
    for (let i = 0; i < 20; i++) await turn();
    updates.release();
    assert.equal((await locking).outcome, 'locked');
    assert.equal(await unlocking, 'opened');
    assert.equal('locked' in readRegistryFile(), false);
    assert.equal(await token(), 't1.a.1');
  });

  it('removes during an unlock what a logout had to leave in the store', async () => {
    await running.profiles.lock();
    fixture.store.failWith('locked', ({ operation }) => operation === 'remove');
    await running.profiles.logout('work');
    assert.equal(running.current().discarded.length, 1);
    fixture.store.failWith(null);
    await running.profiles.unlock(null);
    await waitUntil(() => running.current().discarded.length === 0, 'it is removed');
    assert.deepEqual(fixture.store.listKeys(), []);
  });

  describe('on a full disk', () => {
    let full: boolean;

    beforeEach(() => {
      full = false;
      const innerRegistry = { ...running.registry };
      running.registry.update = (changed) =>
        full
          ? Promise.reject(
              new IamTokenError({ code: 'internal', message: 'profiles.json cannot be written' }),
            )
          : innerRegistry.update(changed);
    });

    it('E13: is locked, says that the lock does not survive a restart, and is unlocked again', async () => {
      full = true;
      assert.deepEqual(await running.profiles.lock(), {
        outcome: 'locked',
        problem: {
          code: 'internal',
          message: 'locked only until the daemon stops: profiles.json cannot be written',
        },
      });
      assert.equal(await captureCode(token()), 'locked');
      assert.equal((await running.profiles.lock()).outcome, 'was_locked');
      assert.equal(await running.profiles.unlock(null), 'opened');
      assert.equal(await captureCode(token()), 'ok');
    });

    it('E13: survives a restart once a further lock could be written', async () => {
      full = true;
      await running.profiles.lock();
      full = false;
      assert.deepEqual(await running.profiles.lock(), { outcome: 'was_locked', problem: null });
      assert.equal(readRegistryFile().locked, true);
    });

    it('is not unlocked, and its store is closed again', async () => {
      await running.profiles.lock();
      full = true;
      assert.equal(await captureCode(running.profiles.unlock(null)), 'internal');
      assert.equal(await captureCode(token()), 'locked');
      assert.equal(fixture.store.lockCount, 2);
      full = false;
      assert.equal(await running.profiles.unlock(null), 'opened');
    });
  });
});
