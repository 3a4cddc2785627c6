import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { problemOf } from '../../../src/shared/errors.ts';
import { terminalFailure, transientFailure } from '../../support/iam/fake-iam.ts';
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

  it('D9: may have the name of a property that every object has', async () => {
    const running = await startLoaded(fixture);
    const names = ['toString', 'valueOf', 'hasOwnProperty', '__defineGetter__'];
    for (const name of names) {
      assert.equal(
        await captureCode(Promise.resolve().then(() => running.profiles.getEntry(name))),
        'login_required',
      );
    }
    for (const name of names) await login(running, `secret-${name}`, name);
    assert.equal(running.current().discarded.length, 0);
    const after = await restart(fixture, running);
    for (const name of names) {
      assert.match(await requestToken(after.profiles.get(name)), /^t1\.secret-/);
      await after.profiles.logout(name);
      assert.equal(
        await captureCode(Promise.resolve().then(() => after.profiles.get(name))),
        'unknown_profile',
      );
    }
  });

  it('change the default by use, across a restart, and only to an existing profile', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    await login(running, 'b', 'home');
    assert.equal(await running.profiles.editor.use('home'), 'home');
    assert.equal(running.profiles.get().name, 'home');
    assert.equal(await captureCode(running.profiles.editor.use('missing')), 'unknown_profile');
    const after = await restart(fixture, running);
    assert.equal(after.profiles.get().name, 'home');
  });

  it('18.7: suggest the closest name for one that does not exist', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    await login(running, 'b', 'home office');
    const messageFor = (name: string): string => {
      try {
        running.profiles.get(name);
        return '';
      } catch (error) {
        return problemOf(error).message;
      }
    };
    assert.equal(messageFor('wrok'), 'unknown profile "wrok"; did you mean "work"?');
    assert.equal(messageFor('home'), 'unknown profile "home"; did you mean "home office"?');
    assert.equal(messageFor('nothing like it'), 'unknown profile "nothing like it"');
    await assert.rejects(
      running.profiles.editor.rename('worka', 'x'),
      /unknown profile "worka"; did you mean "work"\?/,
    );
  });

  it('do not affect each other: of ten, those with failures are the only ones to fail', async () => {
    const running = await startLoaded(fixture);
    const names = Array.from({ length: 10 }, (_, i) => `p${i}`);
    for (const name of names) await login(running, `secret-${name}`, name);
    fixture.iam.respond = (exchange) => {
      if (exchange.credential === 'secret-p3') exchange.fail(terminalFailure);
      else if (exchange.credential === 'secret-p4') exchange.fail(transientFailure);
      else exchange.succeed();
    };
    fixture.clock.advance(11 * 60 * 60_000 + 59 * 60_000 + 30_000);
    await turn();
    const after = await Promise.all(
      names.map((name) => captureCode(requestToken(running.profiles.get(name)))),
    );
    assert.deepEqual(
      after.map((code, i) => `p${i} ${code}`).filter((line) => !line.endsWith('ok')),
      ['p3 login_required', 'p4 unavailable'],
    );
    const restarted = await restart(fixture, running);
    assert.equal(Object.keys(restarted.current().profiles).length, 10);
    assert.match(await requestToken(restarted.profiles.get('p9')), /^t1\.secret-p9\./);
  });

  describe('when they stop', () => {
    it('reject all requests and cancel all exchanges', async () => {
      const running = await startLoaded(fixture);
      const all = [await login(running, 'a', 'a'), await login(running, 'b', 'b')];
      fixture.iam.respond = null;
      const waiting = all.map((profile) => captureCode(refreshToken(profile)));
      await waitUntil(() => fixture.iam.exchanges.length === 4, 'both are running');
      await running.profiles.stop();
      assert.deepEqual(await Promise.all(waiting), ['unavailable', 'unavailable']);
      assert.ok(fixture.iam.exchanges.slice(2).every(({ signal }) => signal.aborted));
    });

    it('start nothing if the store responds afterwards', async () => {
      const before = await startLoaded(fixture);
      await login(before, 'a');
      await before.profiles.stop();
      fixture.clock.advance(24 * 60 * 60_000);
      const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
      const running = await startProfiles(fixture);
      const loading = running.profiles.load();
      await turn();
      await running.profiles.stop();
      release();
      await loading;
      assert.equal(fixture.iam.exchanges.length, 1);
    });

    it('cancel a login in progress, and keep the old credential live', async () => {
      const running = await startLoaded(fixture);
      await login(running, 'old');
      fixture.iam.respond = null;
      const loggingIn = captureCode(login(running, 'new'));
      await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
      await running.profiles.stop();
      assert.equal(await loggingIn, 'unavailable');
      assert.equal(fixture.iam.exchanges[1]?.signal.aborted, true);
      fixture.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await refreshToken((await startLoaded(fixture)).profiles.get()), 't1.old.3');
    });

    it('start no login', async () => {
      const running = await startLoaded(fixture);
      await running.profiles.stop();
      assert.equal(await captureCode(login(running, 'a')), 'unavailable');
      assert.deepEqual(fixture.store.listKeys(), []);
    });
  });
});
