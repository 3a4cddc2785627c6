import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { type RequestHandler, requestHandler } from '../../src/daemon/request-handler.ts';
import { Subscriptions } from '../../src/daemon/subscriptions.ts';
import { encodeFrame } from '../../src/protocol/frames.ts';
import { type DaemonStatus, maxFrameBytes, type ProfileStatus } from '../../src/protocol/messages.ts';
import { refused, unavailable } from '../support/fake-iam.ts';
import { type FakePeer, fakePeer } from '../support/fake-peer.ts';
import { login, type Running, startProfiles, type World, world } from '../support/profiles-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const daemon: DaemonStatus = {
  version: '0.1.0',
  pid: 1,
  startedAt: '2026-11-24T12:00:00.000Z',
  store: { kind: 'memory', state: 'open', problem: null },
};

describe('the handler of requests', () => {
  const folder = temporaryFolder();
  let here: World;
  let running: Running;
  let subscriptions: Subscriptions;
  let handler: RequestHandler;
  let stops: number;
  let status: () => Promise<DaemonStatus>;
  let peer: FakePeer;
  let ids: number;

  beforeEach(async () => {
    here = world(folder());
    subscriptions = new Subscriptions();
    running = startProfiles(here, {
      announce: (event, profile) => subscriptions.publish(event, { profile: profile.name }),
    });
    await running.profiles.load();
    stops = 0;
    ids = 0;
    status = async () => daemon;
    handler = made();
    peer = fakePeer();
  });

  it('lets a guest ask for tokens and look, and changes nothing for them', async () => {
    await login(running, 'a', 'work');
    const guest = { ...fakePeer(), isGuest: true };
    const asked = {
      ...{ hello: {}, token: {}, status: {}, subscribe: {} },
      ...{
        login: { kind: 'oauth', secret: 'b' },
        logout: {},
        refresh: {},
        profiles: {},
        use: { profile: 'work' },
      },
      ...{ lock: {}, unlock: {}, stop: {} },
    };
    const refused: string[] = [];
    for (const [at, [method, params]] of Object.entries(asked).entries()) {
      handler.handle({ v: 1, id: at, method, params }, guest);
      const { error } = await guest.answerTo(at);
      if (error === undefined) continue;
      assert.equal(error.code, 'bad_request');
      assert.match(error.message, /is for the user that the daemon runs as/);
      refused.push(method);
    }
    assert.deepEqual(refused, ['login', 'logout', 'refresh', 'profiles', 'use', 'lock', 'unlock', 'stop']);
    assert.equal(stops, 0);
  });

  function made(): RequestHandler {
    return requestHandler({
      clock: here.clock,
      log: here.log,
      version: '0.1.0',
      profiles: running.profiles,
      subscriptions,
      daemonStatus: () => status(),
      stop: () => (stops += 1),
    });
  }

  function ask(method: string, params: object = {}, from = peer): number {
    ids += 1;
    handler.handle({ v: 1, id: ids, method, params }, from);
    return ids;
  }

  const answered = (method: string, params: object = {}, from = peer): ReturnType<FakePeer['answerTo']> =>
    from.answerTo(ask(method, params, from));

  /** The code of the error that a request has for an answer; `ok` without one. */
  async function codeOf(method: string, params: object = {}): Promise<string> {
    return (await answered(method, params)).error?.code ?? 'ok';
  }

  it('says hello', async () => {
    assert.deepEqual((await answered('hello', { version: '9' })).result, { version: '0.1.0', protocol: 1 });
  });

  it('closes what sends no message, and answers what sends a bad one', async () => {
    handler.handle({ v: 1, id: 5, method: 'token', params: { minTtlMs: -1 } }, peer);
    assert.equal((await peer.answerTo(5)).error?.code, 'bad_request');
    handler.handle({ v: 1, method: 'token' }, peer);
    assert.equal((await peer.answerTo(null)).error?.code, 'bad_request');
    assert.equal(peer.closedFor, null);
    for (const data of [null, 1, 'x', [], undefined]) {
      const stranger = fakePeer();
      handler.handle(data, stranger);
      assert.equal(stranger.closedFor, 'a frame without a message');
      assert.deepEqual(stranger.sent, []);
    }
  });

  it('gives a token with all that is known of it', async () => {
    await login(running, 'a', 'work');
    assert.deepEqual((await answered('token')).result, {
      token: 't1.a.1',
      expiresAt: '2026-11-25T00:00:00.000Z',
      profile: 'work',
      subject: 'subject-of-a',
    });
  });

  it('answers at once where it can', async () => {
    await login(running, 'a', 'work');
    for (const method of ['token', 'hello', 'profiles', 'subscribe']) {
      assert.ok(peer.hasAnswerTo(ask(method)), method);
    }
  });

  it('says who is unknown', async () => {
    for (const method of ['token', 'refresh', 'status', 'logout', 'use', 'subscribe']) {
      assert.equal(await codeOf(method, { profile: 'nobody' }), 'unknown_profile', method);
    }
    assert.equal(await codeOf('token'), 'login_required');
  });

  it('warns with a good token when renewal has come to an end, and not while it is tried again', async () => {
    await login(running, 'a', 'work');
    here.iam.respond = (exchange) => exchange.fail(unavailable);
    assert.equal(await codeOf('refresh'), 'unavailable');
    assert.equal((await answered('token')).result?.['warning'], undefined);
    here.iam.respond = (exchange) => exchange.fail(refused);
    assert.equal(await codeOf('refresh'), 'login_required');
    const { result } = await answered('token');
    assert.equal(result?.['token'], 't1.a.1');
    assert.deepEqual(result?.['warning'], {
      code: 'login_required',
      message: refused.message,
      hint: refused.hint,
    });
  });

  it('logs in, refreshes, uses and logs out, and never gives a credential back', async () => {
    assert.deepEqual((await answered('login', { kind: 'oauth', secret: 'cAnArY', profile: 'work' })).result, {
      profile: 'work',
      subject: 'subject-of-cAnArY',
      expiresAt: '2026-11-25T00:00:00.000Z',
    });
    await answered('login', { kind: 'oauth', secret: 'b', profile: 'home' });
    assert.equal((await answered('refresh')).result?.['profile'], 'work');
    assert.deepEqual((await answered('use', { profile: 'home' })).result, { profile: 'home' });
    assert.equal((await answered('token')).result?.['profile'], 'home');
    assert.deepEqual((await answered('logout')).result, { profile: 'home' });
    assert.equal(await codeOf('token'), 'unknown_profile');
    await answered('status');
    await answered('profiles');
    const withoutTokens = peer.sent.filter(
      (message) => !JSON.stringify(message).includes('"subject-of-cAnArY"'),
    );
    assert.ok(!JSON.stringify(withoutTokens).replaceAll('t1.cAnArY', '').includes('cAnArY'));
  });

  it('refuses a login with what is no credential, and says nothing of it', async () => {
    const { error } = await answered('login', { kind: 'cAnArY', secret: 'cAnArY' });
    assert.equal(error?.code, 'bad_request');
    assert.ok(!JSON.stringify(peer.sent).includes('cAnArY'));
    assert.equal(
      await codeOf('login', { kind: 'oauth', secret: 'x', endpoint: 'http://cAnArY' }),
      'bad_request',
    );
    assert.ok(!JSON.stringify(peer.sent).includes('cAnArY'));
  });

  it('says what nobody foresaw as internal, and logs it', async () => {
    status = () => Promise.reject(new TypeError('a bug'));
    const { error } = await answered('status');
    assert.deepEqual(error, { code: 'internal', message: 'a bug' });
    assert.ok(here.log.lines.includes('error a request failed: a bug'));
  });

  it('asks to stop after it has answered', () => {
    const id = ask('stop');
    assert.ok(peer.hasAnswerTo(id));
    assert.equal(stops, 1);
  });

  it('tells status of each profile', async () => {
    await login(running, 'a', 'work');
    const { result } = await answered('status');
    assert.deepEqual(result?.['daemon'], daemon);
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
    assert.deepEqual((await answered('status', { profile: 'work' })).result, result);
  });

  describe('with a hundred profiles', () => {
    const names = Array.from({ length: 100 }, (_, i) => `${'😀'.repeat(62)}${String(i).padStart(2, '0')}`);

    beforeEach(async () => {
      await running.registry.change((registry) => ({
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
      running = startProfiles(here);
      here.store.failWith('keychain_locked');
      for (const name of names) {
        running.profiles.named(name).missing({
          code: 'keychain_unavailable',
          message: '鍵'.repeat(300),
          hint: `iam-token login --profile '${name}'`,
        });
      }
      handler = made();
    });

    for (const method of ['status', 'profiles']) {
      it(`gives ${method} in pages that each fit a frame, all names in their order and none twice`, async () => {
        const seen: unknown[] = [];
        let after: object = {};
        for (let pages = 0; ; pages++) {
          assert.ok(pages < 100);
          const id = ask(method, after);
          await peer.answerTo(id);
          const message = peer.sent.at(-1);
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

      it(`gives as few of ${method} as are asked for, and none after the last`, async () => {
        const { result } = await answered(method, { limit: 3, after: names[9] });
        const rows = result?.['profiles'] as readonly { readonly profile: string }[];
        assert.deepEqual(
          rows.map(({ profile }) => profile),
          names.slice(10, 13),
        );
        assert.equal(result?.['next'], names[12]);
        const { result: last } = await answered(method, { after: names[99] });
        assert.deepEqual([last?.['profiles'], last?.['next']], [[], null]);
      });

      it(`gives of ${method} the one that is named`, async () => {
        const { result } = await answered(method, { profile: names[7] });
        const rows = result?.['profiles'] as readonly { readonly profile: string }[];
        assert.deepEqual([rows.map(({ profile }) => profile), result?.['next']], [[names[7]], null]);
        assert.equal(await codeOf(method, { profile: 'nobody' }), 'unknown_profile');
      });
    }
  });

  describe('while many wait', () => {
    it('answers a thousand with one exchange and the same token', async () => {
      await login(running, 'a', 'work');
      here.iam.respond = null;
      here.clock.advance(12 * 60 * 60_000 - 60_000);
      await turn();
      const others = Array.from({ length: 10 }, () => fakePeer());
      const asked = Array.from({ length: 1_000 }, (_, i) => {
        const from = others[i % 10] ?? peer;
        return { from, id: ask('token', {}, from) };
      });
      const open = here.iam.exchanges.filter(({ signal }) => !signal.aborted).slice(1);
      assert.equal(open.length, 1);
      open[0]?.succeed();
      const tokens = await Promise.all(
        asked.map(async ({ from, id }) => (await from.answerTo(id)).result?.['token']),
      );
      assert.deepEqual(new Set(tokens), new Set(['t1.a.2']));
      assert.equal(here.iam.exchanges.length, 2);
      assert.ok(
        others.every(({ wishes }) => wishes === 0),
        'nothing is kept of those that were answered',
      );
    });

    it('takes the requests of a peer back that is gone, and its others are answered', async () => {
      await login(running, 'a', 'work');
      here.iam.respond = null;
      const goes = fakePeer();
      ask('refresh', {}, goes);
      ask('refresh', {}, goes);
      const stays = ask('refresh');
      goes.leave();
      assert.equal(running.profiles.named().state.waiting.length, 1);
      here.iam.exchanges[1]?.succeed();
      assert.equal((await peer.answerTo(stays)).result?.['profile'], 'work');
      assert.deepEqual(goes.sent, []);
    });

    it('is too busy for one more of the same peer, and for nobody else', async () => {
      await login(running, 'a', 'work');
      here.iam.respond = null;
      for (let i = 0; i < 2_000; i++) ask('refresh');
      const { error } = await answered('refresh');
      assert.deepEqual(error, {
        code: 'too_busy',
        message: 'too many requests are waiting',
        retryAfterMs: 1_000,
      });
      assert.equal(await codeOf('login', { kind: 'oauth', secret: 'c' }), 'too_busy');
      assert.equal(await codeOf('token'), 'ok', 'the token is there');
      const other = fakePeer();
      const id = ask('refresh', {}, other);
      here.iam.exchanges[1]?.succeed();
      assert.equal((await other.answerTo(id)).result?.['profile'], 'work');
      here.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await codeOf('refresh'), 'ok');
    });

    it('is too busy for anybody who would have to wait when as many do as may', async () => {
      await login(running, 'a', 'work');
      const homes = Array.from({ length: 10 }, (_, at) => `home${at}`);
      for (const home of homes) await login(running, 'b', home);
      here.iam.respond = null;
      const crowd = homes.map(() => fakePeer());
      for (let i = 0; i < 20_000; i++) ask('refresh', { profile: homes[i % 10] }, crowd[i % 10]);
      assert.equal(await codeOf('refresh', { profile: 'work' }), 'too_busy');
      assert.equal(await codeOf('token', { profile: 'work' }), 'ok', 'the token is there');
      assert.equal(await codeOf('hello'), 'ok');
      crowd[0]?.leave();
      here.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await codeOf('refresh', { profile: 'work' }), 'ok');
    });

    it('is no busier after many were answered or refused', async () => {
      here.iam.respond = (exchange) => exchange.fail(refused);
      for (let i = 0; i < 20; i++) {
        await codeOf('login', { kind: 'oauth', secret: 'a' });
        await codeOf('status');
        await codeOf('use', { profile: 'nobody' });
      }
      assert.equal(peer.wishes, 0);
    });
  });

  describe('whose peer is gone during a login', () => {
    it('gives the login up, and the old credential stays', async () => {
      await login(running, 'old', 'work');
      here.iam.respond = null;
      ask('login', { kind: 'oauth', secret: 'new' });
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      peer.leave();
      assert.equal(here.iam.exchanges[1]?.signal.aborted, true);
      await until(() => running.current().discarded.length === 0, 'the pending slot is removed');
      here.iam.respond = (exchange) => exchange.succeed();
      const other = fakePeer();
      assert.equal((await answered('token', {}, other)).result?.['token'], 't1.old.1');
      assert.deepEqual(peer.sent, []);
      assert.equal(here.store.keys().length, 2);
    });
  });

  it('gives a login up after 120 s', async () => {
    here.iam.respond = null;
    const id = ask('login', { kind: 'oauth', secret: 'a' });
    await until(() => here.iam.exchanges.length === 1, 'the login is confirmed');
    here.clock.advance(119_999);
    await turn();
    assert.ok(!peer.hasAnswerTo(id));
    here.clock.advance(1);
    assert.equal((await peer.answerTo(id)).error?.code, 'unavailable');
  });

  it('locks and unlocks, and says what came of it', async () => {
    await login(running, 'a', 'work');
    assert.deepEqual((await answered('unlock')).result, { outcome: 'was_open' });
    assert.deepEqual((await answered('lock')).result, { outcome: 'locked' });
    assert.deepEqual((await answered('lock')).result, { outcome: 'was_locked' });
    for (const method of ['token', 'refresh']) {
      assert.deepEqual((await answered(method)).error, {
        code: 'locked',
        message: 'the daemon is locked',
        hint: 'iam-token unlock',
      });
    }
    assert.equal(await codeOf('login', { kind: 'oauth', secret: 'b' }), 'locked');
    const { result } = await answered('status', { profile: 'work' });
    const [work] = (result?.['profiles'] ?? []) as readonly ProfileStatus[];
    assert.deepEqual([work?.state, work?.problem?.code, work?.expiresAt], ['locked', 'locked', null]);
    assert.deepEqual((await answered('unlock')).result, { outcome: 'opened' });
    assert.equal((await answered('token')).result?.['token'], 't1.a.1');
  });

  it('hands a passphrase to the store, and says it to nobody', async () => {
    await answered('unlock', { passphrase: 'cAnArY' });
    assert.deepEqual(here.store.passphrases, ['cAnArY']);
    assert.ok(!JSON.stringify([peer.sent, here.log.lines]).includes('cAnArY'));
  });

  describe('for those who subscribed', () => {
    it('tells what happens to the profile, or to all, once to each', async () => {
      await login(running, 'a', 'work');
      await login(running, 'b', 'home');
      const one = fakePeer();
      const all = fakePeer();
      const both = fakePeer();
      await answered('subscribe', { profile: 'work' }, one);
      await answered('subscribe', {}, all);
      await answered('subscribe', { profile: 'work' }, both);
      await answered('subscribe', {}, both);
      here.clock.advance(1_000);
      await answered('refresh', { profile: 'home' });
      await answered('refresh', { profile: 'work' });
      here.iam.respond = (exchange) => exchange.fail(unavailable);
      await answered('refresh', { profile: 'work' });
      here.iam.respond = (exchange) => exchange.fail(refused);
      await answered('refresh', { profile: 'work' });
      const work = ['rotated work', 'failing work', 'login_required work'];
      assert.deepEqual(one.events(), work);
      assert.deepEqual(all.events(), ['rotated home', ...work]);
      assert.deepEqual(both.events(), ['rotated home', ...work]);
      assert.deepEqual(peer.events(), [], 'nothing unasked');
    });

    it('tells them of a lock, before it answers, and what is to be done', async () => {
      await login(running, 'a', 'work');
      await answered('subscribe');
      const locked = ask('lock');
      assert.deepEqual(peer.events(), ['locked work']);
      assert.equal(peer.hasAnswerTo(locked), false);
      await peer.answerTo(locked);
    });

    it('forgets who is gone', async () => {
      await login(running, 'a', 'work');
      const goes = fakePeer();
      await answered('subscribe', {}, goes);
      goes.leave();
      here.clock.advance(1_000);
      await answered('refresh');
      assert.deepEqual(goes.events(), []);
    });
  });

  describe('that is stopped', () => {
    it('tells everybody who waits for anything', async () => {
      await login(running, 'a', 'work');
      here.iam.respond = null;
      status = () => new Promise(() => undefined);
      here.store.hold(({ operation }) => operation === 'remove');
      const asked = [
        ask('token', { minTtlMs: 43_200_000 }),
        ask('refresh'),
        ask('login', { kind: 'oauth', secret: 'b', profile: 'home' }),
        ask('status'),
        ask('logout', { profile: 'work' }),
      ];
      await until(
        () => here.store.calls.some(({ operation }) => operation === 'remove'),
        'the logout removes',
      );
      const open = asked.filter((id) => !peer.hasAnswerTo(id));
      assert.ok(open.length >= 3);
      const stopped = running.profiles.stop();
      handler.stop();
      for (const id of open) {
        assert.ok(peer.hasAnswerTo(id), `request ${id}`);
        const { error } = await peer.answerTo(id);
        assert.deepEqual([error?.code, error?.message], ['unavailable', 'the daemon is stopping']);
      }
      await stopped;
      assert.equal(peer.wishes, 0);
    });

    it('answers nobody twice', async () => {
      await login(running, 'a', 'work');
      here.iam.respond = null;
      const id = ask('login', { kind: 'oauth', secret: 'b' });
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      await running.profiles.stop();
      handler.stop();
      here.iam.exchanges[1]?.succeed();
      for (let i = 0; i < 20; i++) await turn();
      assert.equal(peer.sent.filter((message) => 'id' in message && message.id === id).length, 1);
    });
  });
});
