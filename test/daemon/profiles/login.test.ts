import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IamTokenError } from '../../../src/shared/errors.ts';
import { terminalFailure, transientFailure } from '../../support/iam/fake-iam.ts';
import {
  captureCode,
  installation,
  itemKeysOf,
  login,
  refreshToken,
  type RunningProfiles,
  startLoaded,
  restart,
  startProfiles,
  requestToken,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('a login', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;

  beforeEach(() => {
    fixture = createProfilesFixture(folder());
  });

  it('makes the first profile the default, with the name default', async () => {
    const running = await startLoaded(fixture);
    const profile = await login(running, 'a');
    assert.equal(profile.name, 'default');
    assert.equal(running.current().default, 'default');
    assert.deepEqual(
      { ...running.current().profiles['default'], slot: '' },
      { kind: 'oauth', ...installation, slot: '' },
    );
    assert.equal(await requestToken(running.profiles.get()), 't1.a.1');
    assert.equal(fixture.iam.exchanges.length, 1, 'the token of the verifying exchange is served');
  });

  it('logs logins, logouts and changes of the default profile, without secrets', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a-secret', 'work');
    await running.profiles.editor.use('work');
    await running.profiles.logout('work');
    for (const line of [/^info logged in/, /^info changed the default profile/, /^info logged out/]) {
      assert.equal(fixture.log.lines.filter((logged) => line.test(logged)).length, 1);
    }
    assert.doesNotMatch(fixture.log.lines.join(), /a-secret/);
  });

  it('is to the default profile unless another is named, and does not change the default', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'work');
    await login(running, 'b', 'home');
    assert.equal((await login(running, 'c')).name, 'work');
    assert.equal(running.current().default, 'work');
  });

  it('replaces the old credential, and removes it once the new one is live', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'old');
    const oldKeys = itemKeysOf(running, 'default');
    const release = fixture.store.holdCalls(({ operation }) => operation === 'remove');
    const loggingIn = login(running, 'new');
    await waitUntil(
      () => fixture.store.calls.some(({ operation }) => operation === 'remove'),
      'the old item is being removed',
    );
    const onDisk = JSON.parse(readFileSync(join(folder(), 'profiles.json'), 'utf8')) as ReturnType<
      RunningProfiles['current']
    >;
    const newSlot = onDisk.profiles['default']?.slot ?? '';
    assert.ok(!oldKeys[0]?.endsWith(newSlot), 'the new slot is live on the disk');
    assert.ok(
      onDisk.discarded.some((slot) => oldKeys[0]?.endsWith(slot)),
      'the old slot is listed',
    );
    assert.ok(oldKeys.every((key) => fixture.store.listKeys().includes(key)));
    release();
    await loggingIn;
    assert.deepEqual(fixture.store.listKeys(), itemKeysOf(running, 'default'));
    assert.deepEqual(running.current().discarded, []);
  });

  it('runs in order with others, and the last one wins', async () => {
    const running = await startLoaded(fixture);
    await Promise.all(['a', 'b', 'c'].map((secret) => login(running, secret)));
    assert.deepEqual(
      fixture.iam.exchanges.map(({ credential }) => credential),
      ['a', 'b', 'c'],
    );
    assert.equal(await requestToken(running.profiles.get()), 't1.c.3');
    assert.deepEqual(fixture.store.listKeys(), itemKeysOf(running, 'default'));
  });

  it('E13: does not wait for the login of another profile, which a browser may delay for minutes', async () => {
    const running = await startLoaded(fixture);
    fixture.iam.respond = null;
    const slowLogin = login(running, 'slow', 'work');
    await waitUntil(() => fixture.iam.exchanges.length === 1, 'the first login waits');
    fixture.iam.respond = (exchange) => exchange.succeed();
    assert.equal((await login(running, 'quick', 'home')).name, 'home');
    assert.equal(await requestToken(running.profiles.get('home')), 't1.quick.2');
    fixture.iam.exchanges[0]?.succeed();
    assert.equal((await slowLogin).name, 'work');
    assert.deepEqual(Object.keys(running.current().profiles).toSorted(), ['home', 'work']);
    assert.deepEqual(running.current().discarded, []);
    await waitUntil(() => fixture.store.listKeys().length === 4, 'both tokens are stored');
  });

  it('E13: to ten profiles at once, after a change of the store, is committed for each', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'a', 'before');
    await waitUntil(() => fixture.store.listKeys().length === 2, 'the token is stored');
    fixture.store.kind = 'file';
    const after = await restart(fixture, running);
    const names = Array.from({ length: 10 }, (_, index) => `profile-${index}`);
    await Promise.all(names.map((name) => login(after, name, name)));
    assert.deepEqual(Object.keys(after.current().profiles).toSorted(), ['before', ...names].toSorted());
    assert.deepEqual([after.current().store, after.current().discarded], ['file', []]);
  });

  it('verifies the credential at the given endpoint, with the audience of that endpoint', async () => {
    const running = await startLoaded(fixture);
    const endpoint = 'https://iam.api.yandexcloud.kz';
    await running.profiles.login(
      { kind: 'oauth', secret: 'a', endpoint: `${endpoint}/` },
      new AbortController().signal,
    );
    const expected = { endpoint, audience: `${endpoint}/iam/v1/tokens` };
    const { endpoint: usedEndpoint, audience } = fixture.iam.exchanges[0]?.installation ?? {};
    assert.deepEqual({ endpoint: usedEndpoint, audience }, expected);
    assert.equal(await refreshToken((await restart(fixture, running)).profiles.get()), 't1.a.2');
  });

  const failures: readonly (readonly [
    step: string,
    code: string,
    fail: (running: RunningProfiles, disk: { full: (change: number) => void }) => void,
    params?: object,
  ])[] = [
    ['the kind is unknown', 'bad_request', () => undefined, { kind: 'nothing' }],
    ['the secret is empty', 'bad_request', () => undefined, { secret: '' }],
    ['the endpoint is invalid', 'bad_request', () => undefined, { endpoint: 'http://iam.example.net' }],
    ['the pending slot cannot be written to the disk', 'internal', (_running, disk) => disk.full(1)],
    ['the keychain is locked', 'keychain_locked', () => fixture.store.failWith('keychain_locked')],
    [
      'IAM rejects the credential',
      'login_required',
      () => (fixture.iam.respond = (exchange) => exchange.fail(terminalFailure)),
    ],
    [
      'IAM cannot be reached',
      'unavailable',
      () => (fixture.iam.respond = (exchange) => exchange.fail(transientFailure)),
    ],
    [
      'the source has a bug',
      'internal',
      () => (fixture.iam.respond = (exchange) => exchange.rejectWith(new Error('bug'))),
    ],
    ['the commit cannot be written to the disk', 'internal', (_running, disk) => disk.full(2)],
  ];
  for (const [step, code, fail, params] of failures) {
    it(`leaves the old credential in use if ${step}`, async () => {
      const before = await startLoaded(fixture);
      await login(before, 'old', 'work');
      await before.profiles.stop();
      const keys = fixture.store.listKeys();
      let changes = 0;
      let fullAt = 0;
      const running = await startProfiles(fixture);
      const { registry } = running;
      const failing = await startProfiles(fixture, {
        registry: {
          get current() {
            return registry.current;
          },
          update: (changed) => {
            changes += 1;
            return changes === fullAt
              ? Promise.reject(new IamTokenError({ code: 'internal', message: 'the disk is full' }))
              : registry.update(changed);
          },
        },
      });
      await failing.profiles.load();
      fail(failing, { full: (change) => (fullAt = changes + change) });
      const loggingIn = failing.profiles.login(
        { profile: 'work', kind: 'oauth', secret: 'new', ...params },
        new AbortController().signal,
      );
      const ended = loggingIn.then(
        () => 'ok',
        (error: unknown) => (error instanceof IamTokenError ? error.code : 'internal'),
      );
      assert.equal(await ended, code);
      fixture.store.failWith(null);
      fixture.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await requestToken(failing.profiles.get('work')), 't1.old.1');
      assert.match(await refreshToken(failing.profiles.get('work')), /^t1\.old\./);
      const after = await restart(fixture, failing);
      assert.deepEqual(fixture.store.listKeys(), keys, 'nothing is left of the new one after a restart');
      assert.deepEqual(after.current().discarded, []);
      assert.match(await refreshToken(after.profiles.get('work')), /^t1\.old\./);
    });
  }

  it('leaves nothing behind if IAM rejects the credential', async () => {
    const running = await startLoaded(fixture);
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    assert.equal(await captureCode(login(running, 'a')), 'login_required');
    assert.deepEqual(fixture.store.listKeys(), []);
    assert.deepEqual(
      { ...running.current(), instance: '' },
      {
        version: 1,
        instance: '',
        default: null,
        profiles: {},
        discarded: [],
      },
    );
  });

  it('opens no second prompt after the first was dismissed', async () => {
    const running = await startLoaded(fixture);
    fixture.store.failWith('keychain_locked');
    await captureCode(login(running, 'a'));
    assert.deepEqual(
      fixture.store.calls
        .filter(({ interaction }) => interaction === 'interactive')
        .map(({ operation }) => operation),
      ['write'],
    );
  });

  it('does not start if its signal aborts before its turn', async () => {
    const running = await startLoaded(fixture);
    fixture.iam.respond = null;
    const first = login(running, 'a');
    await waitUntil(() => fixture.iam.exchanges.length === 1, 'the first is being verified');
    const controller = new AbortController();
    const second = login(running, 'b', undefined, controller.signal);
    controller.abort(new DOMException('too late', 'TimeoutError'));
    fixture.iam.exchanges[0]?.succeed();
    await first;
    assert.equal(await captureCode(second), 'unavailable');
    assert.equal(fixture.iam.exchanges.length, 1);
    assert.equal(
      fixture.store.calls.filter(
        ({ operation, interaction }) => operation === 'write' && interaction === 'interactive',
      ).length,
      1,
    );
  });

  it('never logs the secret', async () => {
    const running = await startLoaded(fixture);
    await login(running, 'cAnArY');
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    await captureCode(login(running, 'cAnArY'));
    assert.ok(!fixture.log.lines.join().includes('cAnArY'));
  });
});
