import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import {
  login,
  refreshToken,
  type RunningProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
  daemonLocked,
  startLoaded,
} from '../support/daemon/profiles-fixture.ts';
import { captureProblem } from '../support/problems.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('a login and the lock', () => {
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

  it('ends with a rejection before anything is stored while the daemon is locked', async () => {
    await running.profiles.lock();
    const keys = fixture.store.listKeys();
    assert.deepEqual(await captureProblem(login(running, 'b')), daemonLocked);
    assert.deepEqual([fixture.store.listKeys(), running.current().discarded], [keys, []]);
    assert.equal(fixture.iam.exchanges.length, 1);
  });

  it('is cancelled by a lock, which keeps the old credential', async () => {
    fixture.iam.respond = null;
    const loggingIn = captureProblem(login(running, 'b'));
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    await running.profiles.lock();
    assert.deepEqual(await loggingIn, daemonLocked);
    fixture.iam.respond = (exchange) => exchange.succeed();
    await running.profiles.unlock(null);
    assert.match(await refreshToken(running.profiles.get()), /^t1\.a\./);
  });

  it('leaves no token if a lock follows its commit', async () => {
    fixture.iam.respond = null;
    const loggingIn = captureProblem(login(running, 'b'));
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    const innerRegistry = { ...running.registry };
    let isCommitted = false;
    running.registry.update = async (changed) => {
      await innerRegistry.update(changed);
      if (isCommitted) return;
      isCommitted = true;
      await running.profiles.lock();
    };
    fixture.iam.exchanges[1]?.succeed();
    assert.deepEqual(await loggingIn, daemonLocked);
    assert.equal(running.profiles.get().state.token, null);
    fixture.iam.respond = (exchange) => exchange.succeed();
    await running.profiles.unlock(null);
    assert.match(await token(), /^t1\.b\./);
    await waitUntil(() => running.current().discarded.length === 0, 'the old one is removed');
    assert.equal(fixture.store.listKeys().filter((key) => !key.endsWith('.token')).length, 1);
  });

  it('keeps its slot if an unlock comes before its commit', async () => {
    fixture.iam.respond = null;
    const loggingIn = login(running, 'b');
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    await running.profiles.unlock(null);
    for (let i = 0; i < 20; i++) await turn();
    fixture.iam.exchanges[1]?.succeed();
    await loggingIn;
    await running.profiles.stop();
    running = await startLoaded(fixture);
    assert.equal(await token(), 't1.b.2');
    fixture.iam.respond = (exchange) => exchange.succeed();
    assert.equal(await refreshToken(running.profiles.get()), 't1.b.3');
  });

  it('keeps its slot if an unlock empties older ones during its commit', async () => {
    fixture.store.failWith('keychain_unavailable', ({ operation }) => operation === 'remove');
    await running.profiles.logout('work');
    for (let i = 0; i < 20; i++) await turn(); // The logout tries once more in the background.
    const [old = ''] = running.current().discarded;
    fixture.store.failWith(null);
    fixture.iam.respond = null;
    const loggingIn = login(running, 'b');
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    const release = fixture.store.holdCalls(
      ({ operation, key }) => operation === 'remove' && key.includes(old),
    );
    await running.profiles.unlock(null);
    fixture.iam.exchanges[1]?.succeed();
    await loggingIn;
    release();
    await waitUntil(() => running.current().discarded.length === 0, 'the old one is removed');
    for (let i = 0; i < 20; i++) await turn();
    await running.profiles.stop();
    running = await startLoaded(fixture);
    assert.equal(await token(), 't1.b.2');
  });
});
