import assert from 'node:assert/strict';
import type { Profiles } from '../../../src/daemon/profiles/profiles.ts';
import { IamTokenError, problemOf } from '../../../src/shared/errors.ts';
import { formatHint } from '../../../src/shared/hint.ts';
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
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

async function captureHint(
  operation: Promise<unknown>,
  profiles: Profiles,
  profile: string,
): Promise<string> {
  const error: unknown = await operation.then(
    () => assert.fail('it succeeded'),
    (reason: unknown) => reason,
  );
  return formatHint(problemOf(error).hint ?? '', profiles.getHintProfile(profile));
}

describe('profiles at a start', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;

  beforeEach(() => {
    fixture = createProfilesFixture(folder());
  });

  it('do not exist before the first login, and say what to do', async () => {
    const { profiles } = await startLoaded(fixture);
    assert.throws(
      () => profiles.get(),
      (error) =>
        error instanceof IamTokenError && error.code === 'login_required' && error.hint === 'iam-token login',
    );
    assert.throws(
      () => profiles.get('work'),
      (error) => error instanceof IamTokenError && error.code === 'unknown_profile',
    );
  });

  it('serve the stored token after a restart, without an exchange', async () => {
    const before = await startLoaded(fixture);
    await login(before, 'a');
    const after = await restart(fixture, before);
    assert.equal(await requestToken(after.profiles.get()), 't1.a.1');
    assert.equal(fixture.iam.exchanges.length, 1);
  });

  it('exchange the stored credential if the stored token has expired', async () => {
    const before = await startLoaded(fixture);
    await login(before, 'a');
    await before.profiles.stop();
    fixture.clock.advance(13 * 60 * 60_000);
    const after = await startLoaded(fixture);
    assert.equal(await requestToken(after.profiles.get()), 't1.a.2');
  });

  it('require a login if the credential is missing', async () => {
    const before = await startLoaded(fixture);
    await login(before, 'a');
    for (const key of itemKeysOf(before, 'default')) await fixture.store.remove(key, 'interactive');
    const after = await restart(fixture, before);
    assert.equal(await captureCode(requestToken(after.profiles.get())), 'login_required');
  });

  const hints: readonly (readonly [name: string, hint: string])[] = [
    ['default', 'iam-token login --profile default --oauth'],
    ['home', 'iam-token login --profile home --oauth'],
    ['my home', "iam-token login --profile='my home' --oauth"],
    ["ada's", String.raw`iam-token login --profile='ada'\''s' --oauth`],
    ['$(reboot); x', "iam-token login --profile='$(reboot); x' --oauth"],
    ['-h', "iam-token login --profile='-h' --oauth"],
  ];
  for (const [name, hint] of hints) {
    it(`name ${name} in the hint if it is not the default profile`, async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a', 'work');
      await login(before, 'b', name);
      for (const key of [...fixture.store.listKeys()]) await fixture.store.remove(key, 'interactive');
      const after = await restart(fixture, before);
      const getHint = (profile: string): Promise<string> =>
        captureHint(requestToken(after.profiles.get(profile)), after.profiles, profile);
      assert.deepEqual([await getHint('work'), await getHint(name)], ['iam-token login --oauth', hint]);
    });
  }

  it('suggest a login, not a refresh, after a failed first login', async () => {
    const running = await startLoaded(fixture);
    fixture.iam.respond = (exchange) =>
      exchange.fail({
        kind: 'interaction_required',
        message: 'a login is required',
        hint: { command: 'refresh' },
      });
    const hint = await captureHint(login(running, 'a', 'work'), running.profiles, 'work');
    assert.equal(hint, 'iam-token login --profile work');
  });

  it('require a login if the stored item is not a credential', async () => {
    const before = await startLoaded(fixture);
    await login(before, 'a');
    fixture.store.putItem(itemKeysOf(before, 'default')[0] ?? '', 'junk');
    const after = await restart(fixture, before);
    assert.equal(await captureCode(requestToken(after.profiles.get())), 'login_required');
  });

  it('name the profile in the hint if the stored item is not a credential', async () => {
    const before = await startLoaded(fixture);
    await login(before, 'a');
    await login(before, 'b', 'work');
    fixture.store.putItem(itemKeysOf(before, 'work')[0] ?? '', 'junk');
    const after = await restart(fixture, before);
    const request = requestToken(after.profiles.get('work'));
    assert.equal(await captureCode(request), 'login_required');
    assert.equal(
      await captureHint(request, after.profiles, 'work'),
      'iam-token login --profile work --oauth',
    );
  });

  for (const changed of [{ endpoint: 'https://evil.example' }, { audience: 'https://evil.example' }]) {
    it(`do not send the credential elsewhere if profiles.json is changed to ${JSON.stringify(changed)}`, async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a');
      await before.registry.update((registry) => ({
        ...registry,
        profiles: Object.fromEntries(
          Object.entries(registry.profiles).map(([name, entry]) => [name, { ...entry, ...changed }]),
        ),
      }));
      const after = await restart(fixture, before);
      assert.equal(await captureCode(refreshToken(after.profiles.get())), 'login_required');
      assert.equal(fixture.iam.exchanges.length, 1);
    });
  }

  it('remove the items of a killed login, and no others', async () => {
    const before = await startLoaded(fixture);
    await login(before, 'a');
    fixture.iam.respond = null;
    void login(before, 'b').catch(() => undefined);
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    assert.equal(before.current().discarded.length, 1);
    assert.equal(fixture.store.listKeys().length, 3);
    // After a kill nothing is cleaned up: another daemon starts.
    const after = await startLoaded(fixture);
    assert.deepEqual(after.current().discarded, []);
    assert.deepEqual(fixture.store.listKeys(), itemKeysOf(after, 'default'));
    assert.equal(await requestToken(after.profiles.get()), 't1.a.1');
  });

  it('keep an item listed that cannot be removed yet', async () => {
    const before = await startLoaded(fixture);
    await login(before, 'a');
    fixture.store.failWith('keychain_locked', ({ operation }) => operation === 'remove');
    await login(before, 'b');
    assert.equal(before.current().discarded.length, 1);
    const locked = await restart(fixture, before);
    assert.equal(locked.current().discarded.length, 1);
    fixture.store.failWith(null);
    const after = await restart(fixture, locked);
    assert.deepEqual(after.current().discarded, []);
    assert.deepEqual(fixture.store.listKeys(), itemKeysOf(after, 'default'));
  });
});
