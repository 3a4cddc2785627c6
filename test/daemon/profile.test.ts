import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Profile, type Settle } from '../../src/daemon/profile.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { KeptToken } from '../../src/token/iam-token.ts';
import type { IamTokenSource } from '../../src/token/ports.ts';
import { type FakeIam, fakeIam, lifeMs, refused, unavailable } from '../support/fake-iam.ts';
import { type FakeLog, fakeLog } from '../support/fake-log.ts';
import { type TestClock, testClock } from '../support/test-clock.ts';

const hourMs = 60 * 60_000;
const installation = { endpoint: 'https://iam.example.net', audience: 'https://iam.example.net/aud' };

/** How a request ended: the token, or the code of the problem. */
type End = string | undefined;

describe('a profile', () => {
  let clock: TestClock;
  let iam: FakeIam;
  let log: FakeLog;
  let kept: string[];
  let announced: string[];
  let profile: Profile;

  beforeEach(() => {
    clock = testClock();
    iam = fakeIam(clock);
    log = fakeLog();
    kept = [];
    announced = [];
    profile = new Profile({
      name: 'work',
      clock,
      log,
      nextScheduledAfter: (_profile, afterMs) => afterMs + hourMs,
      keep: ({ token }) => kept.push(token.value.expose()),
      announce: (event) => announced.push(event),
    });
  });

  const source = (credential = 'c'): IamTokenSource =>
    iam.openSource(iam.kind, new Secret(credential), installation);

  const keptToken = (leftMs: number): KeptToken => {
    const expiresAtMs = clock.now().wallMs + leftMs;
    const token = {
      value: new Secret('t1.kept'),
      subject: null,
      expiresAtMs,
      receivedAtMs: expiresAtMs - lifeMs,
    };
    return { token, clockOffsetMs: 0 };
  };

  function ask(how: (settle: Settle) => () => void): {
    readonly end: () => End;
    readonly takeBack: () => void;
  } {
    let end: End;
    const takeBack = how((settled) => {
      assert.equal(end, undefined, 'a request ends once');
      end = settled.kind === 'answer' ? settled.token.value.expose() : settled.problem.code;
    });
    return { end: () => end, takeBack };
  }
  const token = (minTtlMs = 0): ReturnType<typeof ask> => ask((settle) => profile.token(minTtlMs, settle));
  const refresh = (): ReturnType<typeof ask> => ask((settle) => profile.refresh(settle));

  it('lets requests wait for the store, and then for one exchange', async () => {
    const first = token();
    const second = token();
    await turn();
    assert.deepEqual([first.end(), second.end(), iam.exchanges.length], [undefined, undefined, 0]);
    profile.found(source(), null);
    await turn();
    assert.deepEqual([first.end(), second.end(), iam.exchanges.length], ['t1.c.1', 't1.c.1', 1]);
    assert.deepEqual([kept, announced], [['t1.c.1'], ['rotated']]);
  });

  it('says at once what the store says when there is no credential', () => {
    const waiting = token();
    profile.missing({ code: 'keychain_locked', message: 'locked' });
    assert.deepEqual([waiting.end(), token().end(), refresh().end()], Array(3).fill('keychain_locked'));
    assert.equal(iam.exchanges.length, 0);
  });

  it('serves the token that was kept, without an exchange', () => {
    profile.found(source(), keptToken(11 * hourMs));
    assert.equal(token().end(), 't1.kept');
    assert.equal(iam.exchanges.length, 0);
  });

  it('serves a kept token that is nearly over, and renews behind', async () => {
    profile.found(source(), keptToken(0.5 * hourMs));
    assert.equal(token().end(), 't1.kept');
    await turn();
    assert.equal(token().end(), 't1.c.1');
  });

  it('renews on its schedule, and a request meanwhile has the old token at once', async () => {
    profile.found(source(), null);
    await turn();
    iam.respond = null;
    clock.advance(hourMs);
    await turn();
    assert.equal(iam.exchanges.length, 2);
    assert.equal(token().end(), 't1.c.1');
    iam.exchanges[1]?.succeed();
    await turn();
    assert.equal(token().end(), 't1.c.2');
    assert.deepEqual(announced, ['rotated', 'rotated']);
  });

  it('settles a refresh with the outcome of an exchange, though the old token is good', async () => {
    profile.found(source(), null);
    await turn();
    clock.advance(1_000);
    const good = refresh();
    await turn();
    assert.equal(good.end(), 't1.c.2');
    iam.respond = (exchange) => exchange.fail(unavailable);
    const bad = refresh();
    await turn();
    assert.equal(bad.end(), 'unavailable');
    assert.equal(token().end(), 't1.c.2');
    assert.deepEqual(announced, ['rotated', 'rotated', 'failing']);
    assert.deepEqual(
      iam.exchanges.map(({ interactive }) => interactive),
      [false, true, true],
    );
  });

  it('tries a failed exchange again by itself, and no refused one', async () => {
    iam.respond = (exchange) => exchange.fail(unavailable);
    profile.found(source(), null);
    await turn();
    clock.advance(5_000);
    await turn();
    assert.equal(iam.exchanges.length, 2);
    iam.respond = (exchange) => exchange.fail(refused);
    clock.advance(60_000);
    await turn();
    assert.equal(iam.exchanges.length, 3);
    clock.advance(5 * hourMs);
    await turn();
    assert.equal(iam.exchanges.length, 3);
    assert.equal(token().end(), 'login_required');
    assert.equal(announced.at(-1), 'login_required');
  });

  it('forgets a request that is taken back, and does not mind when it is over', async () => {
    const goes = token();
    const stays = token();
    goes.takeBack();
    profile.found(source(), null);
    await turn();
    assert.deepEqual([goes.end(), stays.end()], [undefined, 't1.c.1']);
    stays.takeBack();
    goes.takeBack();
    assert.equal(token().end(), 't1.c.1');
  });

  it('lives on when a source throws, and tries again', async () => {
    iam.respond = (exchange) => exchange.throw(new TypeError('undefined is not a function'));
    const waiting = token();
    profile.found(source(), null);
    await turn();
    assert.equal(waiting.end(), 'unavailable');
    iam.respond = (exchange) => exchange.succeed();
    clock.advance(60_000);
    await turn();
    assert.equal(token().end(), 't1.c.2');
    assert.ok(log.lines.some((line) => line.includes('undefined is not a function')));
  });

  it('lives on when a source throws before it promises anything', async () => {
    profile.found(
      {
        exchange: () => {
          throw new Error('at once');
        },
      },
      null,
    );
    await turn();
    assert.equal(token().end(), 'unavailable');
  });

  it('gives up its exchange for a login, whose token it serves', async () => {
    iam.respond = null;
    profile.found(source('old'), null);
    const waiting = token();
    await turn();
    profile.loggedIn(
      source('new'),
      { token: new Secret('t1.login'), expiresAtMs: clock.now().wallMs + lifeMs, subject: 's' },
      clock.now(),
    );
    assert.equal(waiting.end(), 't1.login');
    assert.equal(iam.exchanges[0]?.signal.aborted, true);
    iam.exchanges[0]?.succeed();
    await turn();
    assert.equal(token().end(), 't1.login');
    iam.respond = (exchange) => exchange.succeed();
    clock.advance(hourMs);
    await turn();
    assert.equal(iam.exchanges.at(-1)?.credential, 'new');
  });

  it('renews after a sleep in which its token ended, before it answers', async () => {
    profile.found(source(), null);
    await turn();
    clock.jump(13 * hourMs);
    const waiting = token();
    await turn();
    assert.equal(waiting.end(), 't1.c.2');
    assert.equal(iam.exchanges.length, 2);
  });

  it('asks IAM once for a thousand requests at the moment of expiry, and all have the same token', async () => {
    iam.respond = null;
    profile.found(source(), keptToken(60_001));
    assert.equal(token().end(), 't1.kept');
    clock.advance(1);
    const requests = Array.from({ length: 1_000 }, () => token());
    await turn();
    assert.equal(iam.exchanges.length, 1);
    iam.exchanges[0]?.succeed();
    await turn();
    assert.deepEqual(new Set(requests.map(({ end }) => end())), new Set(['t1.c.1']));
    assert.equal(iam.exchanges.length, 1);
  });

  describe('that is stopped', () => {
    it('tells everybody who waits, and gives up its exchange', async () => {
      iam.respond = null;
      profile.found(source(), null);
      const all = [token(), refresh(), token()];
      await turn();
      profile.stop();
      assert.deepEqual(
        all.map(({ end }) => end()),
        Array(3).fill('unavailable'),
      );
      assert.equal(iam.exchanges[0]?.signal.aborted, true);
    });

    it('does nothing more, whatever comes', async () => {
      profile.found(source(), null);
      await turn();
      profile.stop();
      const before = [iam.exchanges.length, kept.length, announced.length];
      profile.loading();
      profile.found(source(), null);
      profile.loggedIn(
        source('new'),
        { token: new Secret('t1.login'), expiresAtMs: clock.now().wallMs + lifeMs, subject: 's' },
        clock.now(),
      );
      clock.advance(24 * hourMs);
      clock.jump(24 * hourMs);
      await turn();
      assert.deepEqual([iam.exchanges.length, kept.length, announced.length], before);
      assert.equal(token().end(), 'unavailable');
    });

    it('answers a late outcome to nobody', async () => {
      iam.respond = null;
      iam.obeysAbort = false;
      profile.found(source(), null);
      await turn();
      profile.stop();
      iam.exchanges[0]?.succeed();
      await turn();
      assert.deepEqual([kept, announced], [[], []]);
    });
  });
});
