import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { ProblemError } from '../../src/shared/errors.ts';
import { refused, unavailable } from '../support/fake-iam.ts';
import {
  codeOf,
  installation,
  login,
  refreshed,
  type Running,
  startProfiles,
  tokenOf,
  type World,
  world,
} from '../support/profiles-fixture.ts';
import { problemOfRefusal } from '../support/refusal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

describe('profiles', () => {
  const folder = temporaryFolder();
  let here: World;

  beforeEach(() => {
    here = world(folder());
  });

  async function loaded(): Promise<Running> {
    const running = startProfiles(here);
    await running.profiles.load();
    return running;
  }

  /** What a restart finds. */
  async function restarted(running: Running): Promise<Running> {
    await running.profiles.stop();
    return loaded();
  }

  const slotOf = (running: Running, name: string): string => running.current().profiles[name]?.slot ?? 'none';
  const keysOf = (running: Running, name: string): readonly string[] => {
    const key = `${running.current().instance}.${slotOf(running, name)}`;
    return [key, `${key}.token`];
  };

  describe('when they are loaded', () => {
    it('are none at first, and say what to do', async () => {
      const { profiles } = await loaded();
      assert.throws(
        () => profiles.named(),
        (error) =>
          error instanceof ProblemError &&
          error.problem.code === 'login_required' &&
          error.problem.hint === 'iam-token login',
      );
      assert.throws(
        () => profiles.named('work'),
        (error) => error instanceof ProblemError && error.problem.code === 'unknown_profile',
      );
    });

    it('serve the token that was kept before the restart, without an exchange', async () => {
      const before = await loaded();
      await login(before, 'a');
      const after = await restarted(before);
      assert.equal(await tokenOf(after.profiles.named()), 't1.a.1');
      assert.equal(here.iam.exchanges.length, 1);
    });

    it('exchange the stored credential when the token is over', async () => {
      const before = await loaded();
      await login(before, 'a');
      await before.profiles.stop();
      here.clock.advance(13 * 60 * 60_000);
      const after = await loaded();
      assert.equal(await tokenOf(after.profiles.named()), 't1.a.2');
    });

    it('ask for a login where the credential is gone', async () => {
      const before = await loaded();
      await login(before, 'a');
      for (const key of keysOf(before, 'default')) await here.store.remove(key, 'asked');
      const after = await restarted(before);
      assert.equal(await codeOf(tokenOf(after.profiles.named())), 'login_required');
    });

    const hints: readonly (readonly [name: string, hint: string])[] = [
      ['default', 'iam-token login --profile default'],
      ['home', 'iam-token login --profile home'],
      ['my home', "iam-token login --profile='my home'"],
      ["ada's", String.raw`iam-token login --profile='ada'\''s'`],
      ['$(reboot); x', "iam-token login --profile='$(reboot); x'"],
      ['-h', "iam-token login --profile='-h'"],
    ];
    for (const [name, hint] of hints) {
      it(`say how to log in to ${name} when it is not the default`, async () => {
        const before = await loaded();
        await login(before, 'a', 'work');
        await login(before, 'b', name);
        for (const key of [...here.store.keys()]) await here.store.remove(key, 'asked');
        const after = await restarted(before);
        const hintOf = async (profile: string): Promise<string | undefined> =>
          (await problemOfRefusal(tokenOf(after.profiles.named(profile)))).hint;
        assert.deepEqual([await hintOf('work'), await hintOf(name)], ['iam-token login', hint]);
      });
    }

    it('have a login tried again that failed, and not a refresh of what is not there', async () => {
      const running = await loaded();
      here.iam.respond = (exchange) =>
        exchange.fail({ kind: 'needs_person', message: 'somebody is wanted', hint: 'iam-token refresh' });
      const { hint } = await problemOfRefusal(login(running, 'a', 'work'));
      assert.equal(hint, 'iam-token login --oauth --profile work');
    });

    it('ask for a login where something else lies in its place', async () => {
      const before = await loaded();
      await login(before, 'a');
      here.store.put(keysOf(before, 'default')[0] ?? '', 'junk');
      const after = await restarted(before);
      assert.equal(await codeOf(tokenOf(after.profiles.named())), 'login_required');
    });

    it('name the profile to log in to where something else lies in its place', async () => {
      const before = await loaded();
      await login(before, 'a');
      await login(before, 'b', 'work');
      here.store.put(keysOf(before, 'work')[0] ?? '', 'junk');
      const after = await restarted(before);
      const { code, hint } = await problemOfRefusal(tokenOf(after.profiles.named('work')));
      assert.deepEqual([code, hint], ['login_required', 'iam-token login --profile work']);
    });

    for (const changed of [{ endpoint: 'https://evil.example' }, { audience: 'https://evil.example' }]) {
      it(`never send a credential elsewhere because profiles.json says ${JSON.stringify(changed)}`, async () => {
        const before = await loaded();
        await login(before, 'a');
        await before.registry.change((registry) => ({
          ...registry,
          profiles: Object.fromEntries(
            Object.entries(registry.profiles).map(([name, entry]) => [name, { ...entry, ...changed }]),
          ),
        }));
        const after = await restarted(before);
        assert.equal(await codeOf(refreshed(after.profiles.named())), 'login_required');
        assert.equal(here.iam.exchanges.length, 1);
      });
    }

    it('say that the keychain is locked, and look again by themselves', async () => {
      const before = await loaded();
      await login(before, 'a');
      await before.profiles.stop();
      here.store.failWith('keychain_locked');
      const after = await loaded();
      assert.equal(await codeOf(tokenOf(after.profiles.named())), 'keychain_locked');
      here.store.failWith(null);
      here.clock.advance(30_000);
      assert.equal(await tokenOf(after.profiles.named()), 't1.a.1');
      assert.ok(
        here.store.calls.every(({ operation, manner }) => operation !== 'read' || manner === 'unasked'),
      );
    });

    it('tell subscribers and log once that the keychain is closed, and that there is a token again', async () => {
      const before = await loaded();
      await login(before, 'a');
      await before.profiles.stop();
      here.announced.length = 0;
      here.store.failWith('keychain_locked');
      const after = await loaded();
      for (let i = 0; i < 3; i++) {
        here.clock.advance(30_000);
        assert.equal(await codeOf(tokenOf(after.profiles.named())), 'keychain_locked');
      }
      assert.deepEqual(here.announced, ['locked default']);
      assert.equal(here.log.lines.filter((line) => line.includes('cannot be read')).length, 1);
      here.store.failWith(null);
      here.clock.advance(30_000);
      assert.equal(await tokenOf(after.profiles.named()), 't1.a.1');
      assert.deepEqual(here.announced, ['locked default', 'rotated default']);
    });

    it('wait for a store that does not answer all at once, and not for one after the other', async () => {
      const before = await loaded();
      for (const name of ['a', 'b', 'c']) await login(before, name, name);
      await before.profiles.stop();
      const reads = (): number => here.store.calls.filter(({ operation }) => operation === 'read').length;
      const readBefore = reads();
      const release = here.store.hold(({ operation }) => operation === 'read');
      const after = startProfiles(here);
      const loading = after.profiles.load();
      assert.equal(reads() - readBefore, 3);
      release();
      await loading;
    });

    it('look again when a request asks, and not more often than each 5 s', async () => {
      const before = await loaded();
      await login(before, 'a');
      await before.profiles.stop();
      here.store.failWith('keychain_unavailable');
      const after = await loaded();
      const calls = here.store.calls.length;
      for (let i = 0; i < 10; i++) {
        assert.equal(await codeOf(tokenOf(after.profiles.ready())), 'keychain_unavailable');
      }
      assert.equal(here.store.calls.length, calls + 1);
      here.clock.advance(5_000);
      here.store.failWith(null);
      assert.equal(await tokenOf(after.profiles.ready()), 't1.a.1');
    });

    it('let requests wait for the store', async () => {
      const before = await loaded();
      await login(before, 'a');
      await before.profiles.stop();
      const release = here.store.hold(({ operation }) => operation === 'read');
      const after = startProfiles(here);
      const loading = after.profiles.load();
      const token = tokenOf(after.profiles.ready());
      await turn();
      release();
      assert.equal(await token, 't1.a.1');
      await loading;
    });

    for (const end of ['well', 'in failure'] as const) {
      it(`keep a login that came while the store was read, when the reading ends ${end}`, async () => {
        const before = await loaded();
        await login(before, 'old');
        await before.profiles.stop();
        const release = here.store.hold(
          ({ operation, key }) => operation === 'read' && !key.endsWith('.token'),
        );
        const after = startProfiles(here);
        const loading = after.profiles.load();
        await turn();
        await login(after, 'new');
        if (end === 'in failure')
          here.store.failWith('keychain_locked', ({ operation }) => operation === 'read');
        release();
        await loading;
        assert.equal(await tokenOf(after.profiles.named()), 't1.new.2');
        here.store.failWith(null);
        assert.equal(await refreshed(after.profiles.named()), 't1.new.3');
        assert.equal(await refreshed((await restarted(after)).profiles.named()), 't1.new.4');
      });
    }

    it('leave alone the slot of a login that is under way', async () => {
      const before = await loaded();
      await login(before, 'a', 'first');
      await before.profiles.stop();
      const release = here.store.hold(({ operation }) => operation === 'read');
      const after = startProfiles(here);
      const loading = after.profiles.load();
      here.iam.respond = null;
      const loggingIn = login(after, 'b', 'second');
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      release();
      await loading;
      here.iam.exchanges[1]?.succeed();
      await loggingIn;
      here.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await refreshed((await restarted(after)).profiles.named('second')), 't1.b.3');
    });

    it('do not read the store for a profile that was logged in meanwhile', async () => {
      const before = await loaded();
      await login(before, 'a', 'a');
      await login(before, 'b', 'b');
      await before.profiles.stop();
      const release = here.store.hold(({ operation }) => operation === 'read');
      const after = startProfiles(here);
      const loading = after.profiles.load();
      await turn();
      await login(after, 'new', 'b');
      await login(after, 'c', 'c');
      const reads = (): number => here.store.calls.filter(({ operation }) => operation === 'read').length;
      const before2 = reads();
      release();
      await loading;
      assert.equal(reads() - before2, 1, 'the kept token of the first, and nothing else');
      assert.equal(await tokenOf(after.profiles.named('b')), 't1.new.3');
    });

    it('remove what a killed login left, and only that', async () => {
      const before = await loaded();
      await login(before, 'a');
      here.iam.respond = null;
      void login(before, 'b').catch(() => undefined);
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      assert.equal(before.current().discarded.length, 1);
      assert.equal(here.store.keys().length, 3);
      // As a kill does: nobody hears of it. Another run begins.
      const after = await loaded();
      assert.deepEqual(after.current().discarded, []);
      assert.deepEqual(here.store.keys(), keysOf(after, 'default'));
      assert.equal(await tokenOf(after.profiles.named()), 't1.a.1');
    });

    it('keep on the list what cannot be removed yet', async () => {
      const before = await loaded();
      await login(before, 'a');
      here.store.failWith('keychain_locked', ({ operation }) => operation === 'remove');
      await login(before, 'b');
      assert.equal(before.current().discarded.length, 1);
      const locked = await restarted(before);
      assert.equal(locked.current().discarded.length, 1);
      here.store.failWith(null);
      const after = await restarted(locked);
      assert.deepEqual(after.current().discarded, []);
      assert.deepEqual(here.store.keys(), keysOf(after, 'default'));
    });
  });

  describe('at a login', () => {
    it('make the first one the default, under the name default', async () => {
      const running = await loaded();
      const profile = await login(running, 'a');
      assert.equal(profile.name, 'default');
      assert.equal(running.current().default, 'default');
      assert.deepEqual(
        { ...running.current().profiles['default'], slot: '' },
        { kind: 'oauth', ...installation, slot: '' },
      );
      assert.equal(await tokenOf(running.profiles.named()), 't1.a.1');
      assert.equal(here.iam.exchanges.length, 1, 'the token that confirmed it is served');
    });

    it('log who came and how long it took, who went, and which is the default, with no secret', async () => {
      const running = await loaded();
      await login(running, 'a-secret', 'work');
      await running.profiles.use('work');
      await running.profiles.logout('work');
      for (const line of [/^info logged in/, /^info the default profile is another/, /^info logged out/]) {
        assert.equal(here.log.lines.filter((said) => line.test(said)).length, 1);
      }
      assert.doesNotMatch(here.log.lines.join(), /a-secret/);
    });

    it('mean the default profile when none is named, and keep the default when another is', async () => {
      const running = await loaded();
      await login(running, 'a', 'work');
      await login(running, 'b', 'home');
      assert.equal((await login(running, 'c')).name, 'work');
      assert.equal(running.current().default, 'work');
    });

    it('replace the old credential, and remove it after the new one is live', async () => {
      const running = await loaded();
      await login(running, 'old');
      const oldKeys = keysOf(running, 'default');
      const release = here.store.hold(({ operation }) => operation === 'remove');
      const loggingIn = login(running, 'new');
      await until(
        () => here.store.calls.some(({ operation }) => operation === 'remove'),
        'the old one is being removed',
      );
      const onDisk = JSON.parse(readFileSync(join(folder(), 'profiles.json'), 'utf8')) as ReturnType<
        Running['current']
      >;
      const newSlot = onDisk.profiles['default']?.slot ?? '';
      assert.ok(!oldKeys[0]?.endsWith(newSlot), 'the new slot is live on the disk');
      assert.ok(
        onDisk.discarded.some((slot) => oldKeys[0]?.endsWith(slot)),
        'the old one is on the list',
      );
      assert.ok(oldKeys.every((key) => here.store.keys().includes(key)));
      release();
      await loggingIn;
      assert.deepEqual(here.store.keys(), keysOf(running, 'default'));
      assert.deepEqual(running.current().discarded, []);
    });

    it('ask in their order when several come at once, and the last one stays', async () => {
      const running = await loaded();
      await Promise.all(['a', 'b', 'c'].map((secret) => login(running, secret)));
      assert.deepEqual(
        here.iam.exchanges.map(({ credential }) => credential),
        ['a', 'b', 'c'],
      );
      assert.equal(await tokenOf(running.profiles.named()), 't1.c.3');
      assert.deepEqual(here.store.keys(), keysOf(running, 'default'));
    });

    it('confirm at the endpoint that it names, with the audience that goes with it', async () => {
      const running = await loaded();
      const endpoint = 'https://iam.api.yandexcloud.kz';
      await running.profiles.login(
        { kind: 'oauth', secret: 'a', endpoint: `${endpoint}/` },
        new AbortController().signal,
      );
      const expected = { endpoint, audience: `${endpoint}/iam/v1/tokens` };
      const { endpoint: asked, audience } = here.iam.exchanges[0]?.installation ?? {};
      assert.deepEqual({ endpoint: asked, audience }, expected);
      assert.equal(await refreshed((await restarted(running)).profiles.named()), 't1.a.2');
    });

    const failures: readonly (readonly [
      step: string,
      code: string,
      fail: (running: Running, disk: { full: (change: number) => void }) => void,
      params?: object,
    ])[] = [
      ['the kind is unknown', 'bad_request', () => undefined, { kind: 'nothing' }],
      ['the secret is none', 'bad_request', () => undefined, { secret: '' }],
      ['the endpoint is none', 'bad_request', () => undefined, { endpoint: 'http://iam.example.net' }],
      ['the disk does not take the pending slot', 'internal', (_running, disk) => disk.full(1)],
      ['the keychain does not open', 'keychain_locked', () => here.store.failWith('keychain_locked')],
      ['IAM refuses it', 'login_required', () => (here.iam.respond = (exchange) => exchange.fail(refused))],
      [
        'IAM cannot be reached',
        'unavailable',
        () => (here.iam.respond = (exchange) => exchange.fail(unavailable)),
      ],
      [
        'the source has a bug',
        'internal',
        () => (here.iam.respond = (exchange) => exchange.throw(new Error('bug'))),
      ],
      ['the disk does not take the flip', 'internal', (_running, disk) => disk.full(2)],
    ];
    for (const [step, code, fail, params] of failures) {
      it(`leave the old credential at work when ${step}`, async () => {
        const before = await loaded();
        await login(before, 'old', 'work');
        await before.profiles.stop();
        const keys = here.store.keys();
        let changes = 0;
        let fullAt = 0;
        const running = startProfiles(here);
        const { registry } = running;
        const failing = startProfiles(here, {
          registry: {
            current: () => registry.current(),
            change: (changed) => {
              changes += 1;
              return changes === fullAt
                ? Promise.reject(new ProblemError({ code: 'internal', message: 'the disk is full' }))
                : registry.change(changed);
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
          (error: unknown) => (error instanceof ProblemError ? error.problem.code : 'internal'),
        );
        assert.equal(await ended, code);
        here.store.failWith(null);
        here.iam.respond = (exchange) => exchange.succeed();
        assert.equal(await tokenOf(failing.profiles.named('work')), 't1.old.1');
        assert.match(await refreshed(failing.profiles.named('work')), /^t1\.old\./);
        const after = await restarted(failing);
        assert.deepEqual(here.store.keys(), keys, 'nothing is left of the new one after a restart');
        assert.deepEqual(after.current().discarded, []);
        assert.match(await refreshed(after.profiles.named('work')), /^t1\.old\./);
      });
    }

    it('leave nothing behind at once when IAM refuses it', async () => {
      const running = await loaded();
      here.iam.respond = (exchange) => exchange.fail(refused);
      assert.equal(await codeOf(login(running, 'a')), 'login_required');
      assert.deepEqual(here.store.keys(), []);
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

    it('open no second prompt after the first one was sent away', async () => {
      const running = await loaded();
      here.store.failWith('keychain_locked');
      await codeOf(login(running, 'a'));
      assert.deepEqual(
        here.store.calls.filter(({ manner }) => manner === 'asked').map(({ operation }) => operation),
        ['write'],
      );
    });

    it('do not begin when their time was over before their turn', async () => {
      const running = await loaded();
      here.iam.respond = null;
      const first = login(running, 'a');
      await until(() => here.iam.exchanges.length === 1, 'the first is confirmed');
      const gone = new AbortController();
      const second = login(running, 'b', undefined, gone.signal);
      gone.abort(new DOMException('too late', 'TimeoutError'));
      here.iam.exchanges[0]?.succeed();
      await first;
      assert.equal(await codeOf(second), 'unavailable');
      assert.equal(here.iam.exchanges.length, 1);
      assert.equal(
        here.store.calls.filter(({ operation, manner }) => operation === 'write' && manner === 'asked')
          .length,
        1,
      );
    });

    it('never name the secret in the log', async () => {
      const running = await loaded();
      await login(running, 'cAnArY');
      here.iam.respond = (exchange) => exchange.fail(refused);
      await codeOf(login(running, 'cAnArY'));
      assert.ok(!here.log.lines.join().includes('cAnArY'));
    });
  });

  describe('at a logout', () => {
    it('remove everything of the profile, and have no default any more', async () => {
      const running = await loaded();
      await login(running, 'a', 'work');
      await login(running, 'b', 'home');
      assert.equal(await running.profiles.logout('work'), 'work');
      assert.deepEqual(here.store.keys(), keysOf(running, 'home'));
      assert.deepEqual(running.current().discarded, []);
      assert.equal(running.current().default, null);
      assert.throws(() => running.profiles.named('work'), /there is no profile "work"/);
      assert.throws(() => running.profiles.named(), /there is no default profile/);
      assert.equal(await tokenOf(running.profiles.named('home')), 't1.b.2');
      const after = await restarted(running);
      assert.deepEqual(Object.keys(after.current().profiles), ['home']);
    });

    it('tell those who wait, and give up the exchange', async () => {
      const running = await loaded();
      const profile = await login(running, 'a', 'work');
      here.iam.respond = null;
      const waiting = codeOf(refreshed(profile));
      await until(() => here.iam.exchanges.length === 2, 'the exchange is under way');
      await running.profiles.logout('work');
      assert.equal(await waiting, 'login_required');
      assert.equal(here.iam.exchanges[1]?.signal.aborted, true);
    });

    it('leave no credential of a login that became live just before', async () => {
      const running = await loaded();
      await login(running, 'old', 'work');
      here.iam.respond = null;
      const loggingIn = login(running, 'new', 'work');
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      // The flip is asked of the disk before the removal is, and both are under way at once.
      here.iam.exchanges[1]?.succeed();
      await Promise.resolve();
      await Promise.resolve();
      const loggingOut = running.profiles.logout('work');
      await Promise.allSettled([loggingIn, loggingOut]);
      const live = 'work' in running.current().profiles ? keysOf(running, 'work') : [];
      assert.deepEqual(here.store.keys(), live);
      assert.deepEqual(running.current().discarded, []);
    });

    it('know nobody twice', async () => {
      const running = await loaded();
      await login(running, 'a', 'work');
      const [first, second] = await Promise.all([1, 2].map(() => codeOf(running.profiles.logout('work'))));
      assert.equal(first, 'ok');
      assert.ok(second === 'ok' || second === 'unknown_profile');
      assert.deepEqual([here.store.keys(), running.current().discarded], [[], []]);
    });

    it('try again what the keychain did not give up, now or before', async () => {
      const running = await loaded();
      await login(running, 'a', 'work');
      let fails = 2;
      here.store.failWith('keychain_unavailable', ({ operation }) => operation === 'remove' && fails-- > 0);
      here.iam.respond = (exchange) => exchange.fail(refused);
      await codeOf(login(running, 'b', 'work'));
      assert.equal(here.store.keys().length, 3);
      await running.profiles.logout('work');
      await until(() => running.current().discarded.length === 0, 'nothing is to be discarded');
      assert.deepEqual(here.store.keys(), []);
    });

    it('remove the credential first', async () => {
      const running = await loaded();
      await login(running, 'a', 'work');
      const [credential] = keysOf(running, 'work');
      await running.profiles.logout('work');
      assert.equal(here.store.calls.find(({ operation }) => operation === 'remove')?.key, credential);
    });

    it('keep on the list what the keychain does not give up', async () => {
      const running = await loaded();
      await login(running, 'a', 'work');
      here.store.failWith('keychain_locked');
      await running.profiles.logout('work');
      assert.equal(running.current().discarded.length, 1);
      here.store.failWith(null);
      await restarted(running);
      assert.deepEqual(here.store.keys(), []);
    });
  });

  it('change the default by use, across a restart, and only to one that there is', async () => {
    const running = await loaded();
    await login(running, 'a', 'work');
    await login(running, 'b', 'home');
    assert.equal(await running.profiles.use('home'), 'home');
    assert.equal(running.profiles.named().name, 'home');
    assert.equal(await codeOf(running.profiles.use('nobody')), 'unknown_profile');
    const after = await restarted(running);
    assert.equal(after.profiles.named().name, 'home');
  });

  it('are ten, and the trouble of one is no trouble of the others', async () => {
    const running = await loaded();
    const names = Array.from({ length: 10 }, (_, i) => `p${i}`);
    for (const name of names) await login(running, `secret-${name}`, name);
    here.iam.respond = (exchange) => {
      if (exchange.credential === 'secret-p3') exchange.fail(refused);
      else if (exchange.credential === 'secret-p4') exchange.fail(unavailable);
      else exchange.succeed();
    };
    here.clock.advance(11 * 60 * 60_000 + 59 * 60_000 + 30_000);
    await turn();
    const after = await Promise.all(names.map((name) => codeOf(tokenOf(running.profiles.named(name)))));
    assert.deepEqual(
      after.map((code, i) => `p${i} ${code}`).filter((line) => !line.endsWith('ok')),
      ['p3 login_required', 'p4 unavailable'],
    );
    const restart = await restarted(running);
    assert.equal(Object.keys(restart.current().profiles).length, 10);
    assert.match(await tokenOf(restart.profiles.named('p9')), /^t1\.secret-p9\./);
  });

  describe('when they stop', () => {
    it('tell every request, and give up every exchange', async () => {
      const running = await loaded();
      const all = [await login(running, 'a', 'a'), await login(running, 'b', 'b')];
      here.iam.respond = null;
      const waiting = all.map((profile) => codeOf(refreshed(profile)));
      await until(() => here.iam.exchanges.length === 4, 'both are under way');
      await running.profiles.stop();
      assert.deepEqual(await Promise.all(waiting), ['unavailable', 'unavailable']);
      assert.ok(here.iam.exchanges.slice(2).every(({ signal }) => signal.aborted));
    });

    it('start nothing when the store answers afterwards', async () => {
      const before = await loaded();
      await login(before, 'a');
      await before.profiles.stop();
      here.clock.advance(24 * 60 * 60_000);
      const release = here.store.hold(({ operation }) => operation === 'read');
      const running = startProfiles(here);
      const loading = running.profiles.load();
      await turn();
      await running.profiles.stop();
      release();
      await loading;
      assert.equal(here.iam.exchanges.length, 1);
    });

    it('give up a login that is under way, and leave the old credential live', async () => {
      const running = await loaded();
      await login(running, 'old');
      here.iam.respond = null;
      const loggingIn = codeOf(login(running, 'new'));
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      await running.profiles.stop();
      assert.equal(await loggingIn, 'unavailable');
      assert.equal(here.iam.exchanges[1]?.signal.aborted, true);
      here.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await refreshed((await loaded()).profiles.named()), 't1.old.3');
    });

    it('begin no login', async () => {
      const running = await loaded();
      await running.profiles.stop();
      assert.equal(await codeOf(login(running, 'a')), 'unavailable');
      assert.deepEqual(here.store.keys(), []);
    });
  });
});
