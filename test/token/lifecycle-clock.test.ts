import assert from 'node:assert/strict';
import { hour, minute, second, year } from '../support/durations.ts';
import { LifecycleDriver } from '../support/lifecycle-driver.ts';

describe('lifecycle: sleep and wrong clocks', () => {
  let life: LifecycleDriver;
  beforeEach(() => {
    life = new LifecycleDriver();
  });

  describe('sleep', () => {
    it('longer than the token lives is followed by a renewal before anything is served', () => {
      life.start();
      life.trueMs += 20 * hour;
      const asked = life.ask();
      assert.ok(!life.replies.has(asked));
      life.succeed();
      assert.deepEqual(life.reply(asked), { token: 't1.2' });
    });

    it('resets the backoff', () => {
      life.find();
      for (let failures = 0; failures < 12; failures += 1) {
        life.fail({}, 0.99);
        life.refresh();
      }
      life.fail({}, 0.99);
      const before = life.exchanges;
      life.sleep(hour);
      assert.equal(life.exchanges, before + 1);
      life.fail({}, 0.5);
      life.pass(second / 2);
      assert.equal(life.exchanges, before + 2);
    });

    it('in the middle of an exchange resets the backoff as well', () => {
      life.find();
      for (let failures = 0; failures < 12; failures += 1) {
        life.fail({}, 0.99);
        life.refresh();
      }
      life.sleep(hour);
      life.fail({}, 0.5);
      life.pass(second / 2);
      assert.ok(life.isExchanging);
    });

    it('counts towards the Retry-After that the service asked for', () => {
      life.find();
      life.fail({ retryAfterMs: hour });
      life.sleep(50 * minute);
      assert.equal(life.exchanges, 1);
      life.pass(10 * minute);
      assert.equal(life.exchanges, 2);
      life.fail({ retryAfterMs: hour });
      life.sleep(8 * hour);
      assert.equal(life.exchanges, 3);
    });

    it('counts only as far as it came after the wish, though it is noticed later', () => {
      life.find();
      life.trueMs += 8 * hour;
      life.fail({ retryAfterMs: hour });
      life.send({ kind: 'woke', jumpMs: 8 * hour });
      life.pass(hour - 1);
      assert.equal(life.exchanges, 1);
      life.pass(1);
      assert.equal(life.exchanges, 2);
    });

    it('does not free the budget', () => {
      life.find();
      for (let failures = 0; failures < 59; failures += 1) {
        life.fail();
        life.sleep(hour);
      }
      life.fail();
      life.sleep(hour);
      assert.equal(life.exchanges, 60);
    });

    it('over a scheduled renewal is followed by it at once', () => {
      life.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
      life.start();
      life.sleep(3 * hour);
      assert.equal(life.exchanges, 2);
    });

    it('on an answer does not make that answer’s clock the right one', () => {
      life.find();
      const heard = life.exchanged();
      life.sleep(11 * hour + 30 * minute);
      life.succeed(heard);
      assert.equal(life.state.time.offsetMs, 0);
      life.pass(29 * minute);
      assert.ok(life.isExchanging);
      assert.notEqual('token' in (life.replies.get(life.ask()) ?? {}), true);
    });

    it('on the answer of a login does not make that answer’s clock the right one', () => {
      const startedAt = life.now;
      const heard = life.exchanged();
      life.sleep(20 * hour);
      life.logIn(heard, startedAt);
      assert.equal(life.served(), 'unavailable');
    });
  });

  describe('a clock that is set', () => {
    it('back by years does not bring a dead token to life, noticed or not', () => {
      life.start();
      life.pass(hour);
      life.setClock(-3 * year, { noticed: false });
      life.pass(10 * hour + 59 * minute);
      assert.ok(life.isExchanging);
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
      life.setClock(-6 * year);
      assert.equal(life.served(), 'unavailable');
    });

    it('back by years takes nothing from a living token, and costs no exchange', () => {
      life.start();
      life.pass(hour);
      life.setClock(-3 * year);
      life.pass(hour);
      assert.equal(life.served(), 't1.1');
      assert.equal(life.exchanges, 1);
    });

    it('back is no sleep, and resets no backoff', () => {
      life.find();
      for (let failures = 0; failures < 12; failures += 1) {
        life.fail({}, 0.99);
        life.refresh();
      }
      life.fail({}, 0.99);
      const before = life.exchanges;
      life.setClock(-hour);
      assert.equal(life.exchanges, before);
    });

    it('ahead by years costs one exchange, which finds the right time', () => {
      life.start();
      life.pass(hour);
      life.setClock(2 * year);
      life.succeed();
      assert.equal(life.state.time.offsetMs, -2 * year);
      life.pass(8 * hour);
      assert.equal(life.served(), 't1.2');
      life.setClock(0);
      assert.equal(life.state.time.offsetMs, 0);
      assert.equal(life.served(), 't1.2');
      assert.equal(life.exchanges, 2);
    });

    it('back in the middle of an exchange is counted once', () => {
      life.find();
      life.setClock(-3 * hour, { noticed: false });
      life.succeed();
      life.send({ kind: 'woke', jumpMs: -3 * hour });
      assert.equal(life.state.time.offsetMs, 3 * hour);
    });

    it('has the schedule planned anew', () => {
      life.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
      life.start();
      life.setClock(-2 * year);
      life.pass(hour);
      assert.equal(life.exchanges, 2);
    });

    it('ahead by years and right again is made good by a login, though IAM does not say the time', () => {
      life.iamTellsTime = false;
      life.start({ expiresAtMs: life.trueMs + hour });
      life.setClock(year);
      life.succeed({ expiresAtMs: life.trueMs + hour });
      assert.equal(life.served(), 'unavailable');
      life.setClock(0);
      life.logIn({ expiresAtMs: life.trueMs + hour });
      assert.match(life.served(), /^t1/);
    });

    it('ahead in the middle of an exchange, and right by IAM’s next word, keeps the longer token', () => {
      life.start();
      life.refresh();
      life.setClock(3 * hour, { noticed: false });
      life.succeed({ expiresAtMs: life.trueMs + 11 * hour });
      life.refresh();
      life.succeed({ expiresAtMs: life.trueMs + 10 * hour });
      assert.equal(life.served(), 't1.1');
    });

    it('ahead by years in the middle of an exchange makes no kept token young', () => {
      life.start({ expiresAtMs: life.trueMs + hour });
      life.trueMs += 20 * hour;
      life.clockErrorMs = minute - life.trueMs;
      life.restart();
      const asked = life.ask();
      life.setClock(-20 * year, { noticed: false });
      life.succeed({ expiresAtMs: life.trueMs + 12 * hour });
      assert.ok('problem' in life.reply(asked));
      life.send({ kind: 'woke', jumpMs: 37 * year });
      life.succeed();
      assert.equal(life.served(), 't1.2');
    });

    it('is kept with the token for a restart', () => {
      life.start();
      life.setClock(-3 * hour);
      assert.equal(life.all('keep').at(-1)?.clockOffsetMs, 3 * hour);
    });

    it('is told by IAM even when the exchange fails, and kept too', () => {
      life.start();
      life.clockErrorMs = -3 * hour;
      life.refresh();
      life.fail({ serverTimeMs: life.trueMs });
      assert.equal(life.state.time.offsetMs, 3 * hour);
      assert.equal(life.all('keep').at(-1)?.clockOffsetMs, 3 * hour);
    });
  });

  describe('a clock that was wrong from the beginning', () => {
    for (const [what, errorMs] of Object.entries({
      'ahead by years': 4 * year,
      'behind by years': -4 * year,
      'ahead by minutes': 2 * minute,
      'behind by minutes': -2 * minute,
    })) {
      it(`${what}: the token is served for its life, and not longer`, () => {
        life.beginWithClock(errorMs);
        life.start({ expiresAtMs: life.trueMs + hour });
        assert.equal(life.state.time.offsetMs, -errorMs);
        life.pass(54 * minute);
        life.fail({ retryAfterMs: hour });
        life.pass(5 * minute - 1);
        assert.equal(life.served(), 't1.1');
        life.pass(1);
        assert.equal(life.served(), 'unavailable');
      });
    }

    it('a minute slow: nothing is served in the token’s last minute all the same', () => {
      life.beginWithClock(-minute);
      life.start({ expiresAtMs: life.trueMs + hour });
      life.pass(59 * minute);
      assert.ok(life.isExchanging);
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
    });

    it('years ahead, and IAM does not say the time: the token is trouble, and the hint names the clock', () => {
      life.beginWithClock(year);
      life.iamTellsTime = false;
      life.find();
      const asked = life.ask();
      life.succeed();
      const reply = life.reply(asked);
      assert.ok('problem' in reply);
      assert.match(reply.problem.hint ?? '', /clock/);
    });

    for (const [errorMs, said] of [
      [3 * hour + minute, /^wait; this machine's clock is 3 h 1 min ahead: set it right$/],
      [-90 * second, /^wait; this machine's clock is 1 min 30 s behind: set it right$/],
    ] as const) {
      it(`${errorMs / second} s off: whoever hears of a failure hears of the clock too`, () => {
        life.beginWithClock(errorMs);
        life.start();
        const asked = life.refresh();
        life.fail({ hint: 'wait' });
        const reply = life.reply(asked);
        assert.ok('problem' in reply);
        assert.match(reply.problem.hint ?? '', said);
      });
    }

    it('days behind, and IAM does not say the time: the token is served for 12 hours at most', () => {
      life.beginWithClock(-3 * 24 * hour);
      life.iamTellsTime = false;
      life.start();
      life.pass(11 * hour);
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 't1.1');
      life.pass(hour);
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
    });
  });

  describe('restart', () => {
    it('serves the kept token without an exchange', () => {
      life.start();
      life.pass(hour);
      life.restart();
      assert.equal(life.served(), 't1.1');
      assert.equal(life.exchanges, 1);
    });

    it('renews a kept token that has expired meanwhile before it serves anything', () => {
      life.start();
      life.trueMs += 12 * hour;
      life.restart();
      const asked = life.ask();
      assert.ok(!life.replies.has(asked));
      life.fail();
      assert.ok('problem' in life.reply(asked));
    });

    it('with a clock that fell behind the token’s arrival does not believe the token', () => {
      life.start();
      life.trueMs += 20 * hour;
      life.clockErrorMs = -50 * year;
      life.restart();
      assert.ok(life.isExchanging);
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
    });

    it('with a clock that is days slow does not believe the kept token, however long the machine was off', () => {
      life.beginWithClock(-20 * hour);
      life.start();
      life.trueMs += 25 * hour;
      life.restart();
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
    });

    it('with a clock in 1970 does not wait longer for a new token because the kept one seems to live long', () => {
      life.start();
      life.clockErrorMs = minute - life.trueMs;
      life.restart();
      for (let failures = 0; failures < 20; failures += 1) {
        life.fail({}, 0.99);
        life.pass(5 * minute);
        assert.ok(life.isExchanging);
      }
    });

    it('with a clock that starts in 1970 at each boot does not believe the token either', () => {
      life.beginWithClock(minute - life.trueMs);
      life.start();
      life.trueMs += 20 * hour;
      life.clockErrorMs = minute - life.trueMs;
      life.restart();
      assert.ok(life.isExchanging);
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
    });

    it('with a clock that comes right later believes the kept token then', () => {
      life.start();
      life.clockErrorMs = -50 * year;
      life.restart();
      life.fail({ retryAfterMs: hour });
      life.setClock(0);
      assert.equal(life.served(), 't1.1');
    });

    it('with a clock that is still slow judges the kept token by the kept offset', () => {
      life.beginWithClock(-5 * hour);
      life.start();
      life.trueMs += 11 * hour + 59 * minute;
      life.restart();
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
    });

    it('with a fast clock put right meanwhile does not serve the kept token too long', () => {
      life.beginWithClock(5 * hour);
      life.start();
      life.clockErrorMs = 0;
      life.trueMs += 11 * hour + 59 * minute;
      life.restart();
      life.fail({ retryAfterMs: hour });
      assert.equal(life.served(), 'unavailable');
    });

    it('with a locked keychain judges the kept token by the time that passed meanwhile', () => {
      life.start({ expiresAtMs: life.trueMs + hour });
      life.trueMs += 30 * minute;
      const kept = life.all('keep').at(-1);
      const next = new LifecycleDriver();
      next.trueMs = life.trueMs;
      next.beginWithClock(0);
      next.send({ kind: 'credential_missing', problem: { code: 'keychain_locked', message: 'locked' } });
      next.setClock(-3 * hour);
      next.pass(40 * minute);
      next.send({ kind: 'loading' });
      next.find(kept?.token ?? null);
      next.fail({ retryAfterMs: hour });
      assert.equal(next.served(), 'unavailable');
      assert.equal(next.all('keep').at(-1)?.clockOffsetMs, 3 * hour, 'and keeps what it found out');
    });

    it('followed by a clock set back does not bring the kept token to life', () => {
      life.start();
      life.trueMs += 11 * hour;
      life.restart();
      life.fail({ retryAfterMs: hour });
      life.pass(59 * minute);
      assert.equal(life.served(), 'unavailable');
      life.setClock(-10 * hour, { noticed: false });
      assert.equal(life.served(), 'unavailable');
    });
  });
});
