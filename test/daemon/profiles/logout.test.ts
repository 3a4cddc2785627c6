import assert from 'node:assert/strict';
import { terminalFailure } from '../../support/iam/fake-iam.ts';
import {
  captureCode,
  itemKeysOf,
  login,
  refreshToken,
  startLoaded,
  restart,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { holdUpdates } from '../../support/stores/hold-updates.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('a logout', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;

  beforeEach(() => {
    fixture = createProfilesFixture(folder());
  });

  it('removes the profile and its items, and leaves no default profile', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    await login(running, 'b', 'home');
    assert.equal(await running.profiles.logout('work'), 'work');
    assert.deepEqual(fixture.store.listKeys(), itemKeysOf(running, 'home'));
    assert.deepEqual(running.current().discarded, []);
    assert.equal(running.current().default, null);
    assert.throws(() => running.profiles.get('work'), /unknown profile "work"/);
    assert.throws(() => running.profiles.get(), /no default profile is set/);
    assert.equal(await requestToken(running.profiles.get('home')), 't1.b.2');
    const after = await restart(fixture, running);
    assert.deepEqual(Object.keys(after.current().profiles), ['home']);
  });

  it('rejects waiting requests and cancels the exchange', async () => {
    const running = await startLoaded(fixture);
    const profile = await login(running, 'a', 'work');
    fixture.iam.respond = null;
    const waiting = captureCode(refreshToken(profile));
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the exchange is running');
    await running.profiles.logout('work');
    assert.equal(await waiting, 'login_required');
    assert.equal(fixture.iam.exchanges[1]?.signal.aborted, true);
  });

  it('leaves no credential of a login that was committed just before', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'old', 'work');
    fixture.iam.respond = null;
    const loggingIn = login(running, 'new', 'work');
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    // The commit of the login starts before the removal, and both run at once.
    fixture.iam.exchanges[1]?.succeed();
    await Promise.resolve();
    await Promise.resolve();
    const loggingOut = running.profiles.logout('work');
    await Promise.allSettled([loggingIn, loggingOut]);
    const live = 'work' in running.current().profiles ? itemKeysOf(running, 'work') : [];
    assert.deepEqual(fixture.store.listKeys(), live);
    assert.deepEqual(running.current().discarded, []);
  });

  it('does not leave its profile as the default one if that was chosen in the meantime', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'home');
    await login(running, 'b', 'work');
    const updates = holdUpdates(running.registry);
    const loggedOut = running.profiles.logout('work');
    await waitUntil(() => updates.count === 1, 'the logout is being written');
    const used = captureCode(running.profiles.editor.use('work'));
    await waitUntil(() => updates.count === 2, 'the change waits for its turn');
    updates.release();
    await loggedOut;
    assert.equal(await used, 'unknown_profile');
    assert.equal(running.current().default, 'home');
  });

  it('runs twice without leaving anything', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    const [first, second] = await Promise.all([1, 2].map(() => captureCode(running.profiles.logout('work'))));
    assert.equal(first, 'ok');
    assert.ok(second === 'ok' || second === 'unknown_profile');
    assert.deepEqual([fixture.store.listKeys(), running.current().discarded], [[], []]);
  });

  it('tries again to remove what the keychain did not remove, now or before', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    let remainingFailures = 2;
    fixture.store.failWith(
      'keychain_unavailable',
      ({ operation }) => operation === 'remove' && remainingFailures-- > 0,
    );
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    await captureCode(login(running, 'b', 'work'));
    assert.equal(fixture.store.listKeys().length, 3);
    await running.profiles.logout('work');
    await waitUntil(() => running.current().discarded.length === 0, 'nothing is to be discarded');
    assert.deepEqual(fixture.store.listKeys(), []);
  });

  it('removes the credential before the token', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    const [credential] = itemKeysOf(running, 'work');
    await running.profiles.logout('work');
    assert.equal(fixture.store.calls.find(({ operation }) => operation === 'remove')?.key, credential);
  });

  it('keeps an item listed that the keychain does not remove', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    fixture.store.failWith('keychain_locked');
    await running.profiles.logout('work');
    assert.equal(running.current().discarded.length, 1);
    fixture.store.failWith(null);
    await restart(fixture, running);
    assert.deepEqual(fixture.store.listKeys(), []);
  });
});
