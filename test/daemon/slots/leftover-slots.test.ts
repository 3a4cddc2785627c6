import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { openProfileRegistry, type ProfileRegistry } from '../../../src/daemon/profiles/profile-registry.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import { purge } from '../../../src/daemon/purge.ts';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import { formatProblem } from '../../support/problems.ts';
import {
  captureCode,
  createProfilesFixture,
  itemKeysOf,
  login,
  type ProfilesFixture,
  requestToken,
  restart,
  type RunningProfiles,
  startLoaded,
  startProfiles,
} from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('removed credentials that the store keeps', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    fixture.store.kind = 'keychain';
    running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    await waitUntil(() => fixture.store.listKeys().length === 2, 'the token is stored');
  });
  afterEach(() => running.profiles.stop());

  function describeLeftovers(): string | null {
    const leftovers = running.profiles.describeLeftovers();
    return leftovers === null ? null : formatProblem(leftovers);
  }

  const failRemovals = (): void =>
    fixture.store.failWith('keychain_locked', ({ operation }) => operation === 'remove');
  const isNothingLeft = (): boolean => fixture.store.listKeys().length === 0;

  async function restartWith(kind: CredentialStore['kind']): Promise<void> {
    fixture.store.kind = kind;
    running = await restart(fixture, running);
  }

  for (const [situation, code] of [
    ['a frozen keyring', 'keychain_unavailable'],
    ['a locked keyring', 'keychain_locked'],
    ['a full disk', 'internal'],
  ] as const) {
    it(`E6: are named after a logout with ${situation}, and tried again every 30 s`, async () => {
      const countRemovals = (): number =>
        fixture.store.calls.filter(({ operation }) => operation === 'remove').length;
      fixture.store.failWith(code, ({ operation }) => operation === 'remove');
      await running.profiles.logout('work');
      const text = `${code}: a removed credential is still in the keychain: the store fails: ${code}`;
      assert.equal(describeLeftovers(), text);
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await turn();
        const before = countRemovals();
        fixture.clock.advance(30_000);
        await waitUntil(() => countRemovals() > before, 'the removal is tried again');
        assert.equal(describeLeftovers(), text);
      }
      fixture.store.failWith(null);
      await turn();
      fixture.clock.advance(30_000);
      await waitUntil(isNothingLeft, 'the items are removed');
      await waitUntil(() => describeLeftovers() === null, 'nothing is named any more');
    });
  }

  it('E13: are not named if only their entry in profiles.json could not be removed', async () => {
    const innerRegistry = { ...running.registry };
    let updates = 0;
    running.registry.update = (updater) => {
      updates += 1;
      return updates === 2
        ? Promise.reject(new IamTokenError({ code: 'internal', message: 'no space left' }))
        : innerRegistry.update(updater);
    };
    assert.equal(await running.profiles.logout('work'), 'work');
    assert.deepEqual(fixture.store.listKeys(), []);
    assert.equal(describeLeftovers(), null);
    await waitUntil(() => running.current().discarded.length === 0, 'the entry is removed later');
  });

  it('A6: are named after a logout, and removed as soon as the store opens', async () => {
    fixture.store.failWith('keychain_locked');
    await running.profiles.logout('work');
    assert.equal(
      describeLeftovers(),
      'keychain_locked: a removed credential is still in the keychain: the store fails: keychain_locked',
    );
    await waitUntil(() => fixture.store.calls.length > 0, 'the removal was tried');
    fixture.clock.advance(30_000);
    assert.equal(fixture.store.listKeys().length, 2);
    fixture.store.failWith(null);
    await waitUntil(() => {
      fixture.clock.advance(30_000);
      return isNothingLeft() && describeLeftovers() === null;
    }, 'nothing is left');
    assert.equal(fixture.log.lines.filter((line) => line.includes('cannot empty')).length, 1);
  });

  it('A6: are named after a login that could not remove the previous credential', async () => {
    failRemovals();
    await login(running, 'b', 'work');
    await login(running, 'c', 'work');
    assert.match(
      describeLeftovers() ?? '',
      /^keychain_locked: 2 removed credentials are still in the keychain: /,
    );
  });

  it('A6: are removed by an unlock', async () => {
    failRemovals();
    await running.profiles.logout('work');
    fixture.store.failWith(null);
    await running.profiles.unlock(null);
    await waitUntil(() => describeLeftovers() === null, 'nothing is left');
    assert.ok(isNothingLeft());
  });

  it('A6: stay while the daemon is locked, and are named after a restart', async () => {
    failRemovals();
    await running.profiles.logout('work');
    await running.profiles.lock();
    fixture.store.failWith(null);
    running = await restart(fixture, running);
    fixture.clock.advance(60_000);
    assert.equal(fixture.store.listKeys().length, 2);
    assert.match(describeLeftovers() ?? '', /a removed credential is still in the keychain/);
    await running.profiles.unlock(null);
    await waitUntil(isNothingLeft, 'nothing is left');
  });

  it('A6: are removed with a user if the store asks before each change, one prompt at a time', async () => {
    await login(running, 'b', 'home');
    fixture.store.confirmation = { code: 'keychain_locked', message: 'it asks' };
    failRemovals();
    await running.profiles.logout('work');
    await running.profiles.logout('home');
    fixture.store.calls.length = 0;
    await running.profiles.unlock(null);
    const interactiveCalls = fixture.store.calls.filter(({ interaction }) => interaction === 'interactive');
    assert.equal(interactiveCalls.length, 1, 'a refusal is not followed by another prompt');
    fixture.store.failWith(null);
    await running.profiles.unlock(null);
    assert.ok(isNothingLeft());
  });

  describe('after a change of the store', () => {
    it('A6: are named, and removed when the store is used again', async () => {
      await restartWith('file');
      assert.equal(describeLeftovers(), null, 'the profile may be used with that store again');
      await running.profiles.logout('work');
      assert.match(
        describeLeftovers() ?? '',
        /a removed credential is still in the keychain, which the daemon no longer uses$/,
      );
      assert.equal(
        running.profiles.describeLeftovers()?.hint,
        'to remove it (stop this daemon when status shows no leftovers, and start it as before): iam-token stop; iam-tokend --store keychain',
      );
      await restartWith('keychain');
      assert.equal(describeLeftovers(), null);
      assert.deepEqual(running.current().discarded, []);
    });

    it('A6: include the credential that a login has replaced', async () => {
      await restartWith('file');
      await login(running, 'b', 'work');
      assert.match(describeLeftovers() ?? '', /still in the keychain, which the daemon no longer uses/);
    });

    it('A6: do not include a credential that is live again', async () => {
      await restartWith('file');
      await restartWith('keychain');
      assert.equal(await captureCode(requestToken(running.profiles.get('work'))), 'ok');
      assert.equal(describeLeftovers(), null);
    });

    it('A6: are named although the daemon was locked at the change', async () => {
      await running.profiles.lock();
      await restartWith('file');
      await running.profiles.unlock(null);
      await running.profiles.logout('work');
      assert.match(describeLeftovers() ?? '', /still in the keychain, which the daemon no longer uses$/);
    });

    it('A6: are kept on the list if the change cannot be recorded', async () => {
      failRemovals();
      await running.profiles.logout('work');
      await running.profiles.stop();
      fixture.store.kind = 'file';
      const registry = await openProfileRegistry(fixture.folder, process.getuid?.() ?? null);
      let isDiskFull = true;
      const failingRegistry: ProfileRegistry = {
        get current() {
          return registry.current;
        },
        update: (updater) =>
          isDiskFull ? Promise.reject(new Error('the disk is full')) : registry.update(updater),
      };
      running = await startProfiles(fixture, { registry: failingRegistry });
      await running.profiles.load();
      assert.ok(
        fixture.log.lines.includes('warn cannot record the store in use: the disk is full'),
        fixture.log.lines.join('\n'),
      );
      isDiskFull = false;
      fixture.clock.advance(30_000);
      await waitUntil(() => running.current().store === 'file', 'the change is recorded');
      assert.match(describeLeftovers() ?? '', /still in the keychain, which the daemon no longer uses$/);
    });

    it('A6: are removed by a purge', async () => {
      const [credentialKey] = itemKeysOf(running, 'work');
      await restartWith('file');
      await running.profiles.logout('work');
      await running.profiles.stop();
      fixture.store.kind = 'keychain';
      fixture.store.calls.length = 0;
      const folders = { config: folder(), state: folder(), log: folder() };
      const uid = process.getuid?.() ?? null;
      await purge({ store: fixture.store, folders, uid, sockets: [], keyFile: null });
      assert.ok(
        fixture.store.calls.some(({ operation, key }) => operation === 'remove' && key === credentialKey),
      );
    });

    it('A6: are none in a store in memory', async () => {
      await running.profiles.logout('work');
      await restartWith('memory');
      await login(running, 'b', 'work');
      await restartWith('keychain');
      await running.profiles.logout('work');
      assert.equal(describeLeftovers(), null);
    });
  });
});
