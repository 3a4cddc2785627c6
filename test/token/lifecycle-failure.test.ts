import assert from 'node:assert/strict';
import { backoffMs } from '../../src/token/backoff.ts';
import { hour, minute, second } from '../support/durations.ts';
import { LifecycleDriver } from '../support/lifecycle-driver.ts';

const everyHour = (afterMs: number): number => (Math.floor(afterMs / hour) + 1) * hour;

describe('lifecycle: failure', () => {
  let life: LifecycleDriver;
  beforeEach(() => {
    life = new LifecycleDriver();
    life.schedule = everyHour;
  });

  describe('transient', () => {
    it('is tried again with exponential backoff and full jitter', () => {
      life.find();
      for (const failures of [1, 2, 3, 4]) {
        assert.equal(life.exchanges, failures);
        const waitMs = backoffMs(failures, 0, 0.75);
        life.fail({}, 0.75);
        life.pass(Math.ceil(waitMs) - 1);
        assert.equal(life.exchanges, failures, `too early after ${failures}`);
        life.pass(1);
      }
      assert.equal(life.exchanges, 5);
    });

    it('begins its backoff anew after a success', () => {
      life.find();
      for (let failures = 0; failures < 8; failures += 1) {
        life.fail({}, 0.5);
        life.pass(10 * minute);
      }
      life.succeed();
      life.refresh();
      life.fail({}, 0.5);
      life.pass(second / 2);
      assert.ok(life.isExchanging);
    });

    it('serves the valid token all through', () => {
      life.start();
      life.outage(10 * hour, minute);
      assert.equal(life.served(), 't1.1');
    });

    it('is left alone for the Retry-After that the service asked for, by requests too', () => {
      life.find();
      life.fail({ retryAfterMs: 10 * minute });
      for (let passed = 0; passed < 10 * minute - second; passed += second) {
        life.pass(second);
        assert.equal(life.served(), 'unavailable');
      }
      assert.equal(life.exchanges, 1);
      life.pass(second);
      assert.equal(life.exchanges, 2);
    });

    it('is left alone for an hour at most', () => {
      life.find();
      life.fail({ retryAfterMs: 1e12 });
      life.pass(hour);
      assert.equal(life.exchanges, 2);
    });

    it('is left alone as asked, though a person’s refresh in between failed without a word', () => {
      life.find();
      life.fail({ retryAfterMs: 30 * minute });
      life.pass(minute);
      life.refresh();
      life.fail();
      life.pass(28 * minute);
      life.ask();
      assert.equal(life.exchanges, 2);
      life.pass(minute);
      assert.equal(life.exchanges, 3);
    });

    it('is tried again by a request without a valid token, 5 s after the last attempt ended', () => {
      life.find();
      for (let failures = 0; failures < 10; failures += 1) {
        life.fail({}, 0.99);
        life.refresh();
      }
      life.fail({}, 0.99);
      const before = life.exchanges;
      life.pass(5 * second - 1);
      const early = life.reply(life.ask());
      assert.ok('problem' in early);
      assert.equal(early.problem.retryAfterMs, 1);
      life.pass(1);
      life.ask();
      assert.equal(life.exchanges, before + 1);
    });

    it('is not tried again by a request that the token in hand suffices', () => {
      life.start();
      life.refresh();
      life.fail({ retryAfterMs: hour });
      life.pass(10 * minute);
      assert.equal(life.served(), 't1.1');
      assert.equal(life.exchanges, 2);
    });

    it('is not tried sooner by a minTtl than the backoff says', () => {
      life.start();
      life.refresh();
      for (let failures = 0; failures < 12; failures += 1) {
        life.fail({}, 0.99);
        life.refresh();
      }
      life.fail({}, 0.99);
      life.pass(minute);
      assert.equal(life.served(12 * hour), 'unavailable');
    });

    it('is told with its count and its beginning, until a success', () => {
      life.find();
      const beganMs = life.trueMs;
      life.fail({}, 0.5);
      life.pass(second);
      life.fail({}, 0.5);
      assert.deepEqual(
        [life.state.trouble?.count, life.state.trouble?.sinceMs, life.state.trouble?.lastAtMs],
        [2, beganMs, beganMs + second],
      );
      life.pass(minute);
      life.succeed();
      assert.equal(life.state.trouble, null);
    });
  });

  describe('terminal', () => {
    it('is never tried again by the clock, the schedule, sleep or a request', () => {
      life.find();
      life.fail({ kind: 'terminal', message: 'the OAuth token is invalid', hint: 'iam-token login' });
      for (let hours = 0; hours < 48; hours += 1) {
        life.pass(hour);
        life.sleep(hour);
        const reply = life.reply(life.ask());
        assert.ok('problem' in reply);
        assert.equal(reply.code, 'login_required');
        assert.equal(reply.problem.hint, 'iam-token login');
      }
      assert.equal(life.exchanges, 1);
    });

    it('is tried once more by a refresh, and ended by a login', () => {
      life.find();
      life.fail({ kind: 'terminal' });
      life.refresh();
      life.fail({ kind: 'terminal' });
      assert.equal(life.exchanges, 2);
      life.logIn();
      assert.notEqual(life.served(), 'login_required');
      life.pass(hour);
      assert.equal(life.exchanges, 3, 'the schedule is at work again');
    });

    it('lets the valid token be served to its last minute', () => {
      life.start({ expiresAtMs: life.trueMs + 90 * minute });
      life.refresh();
      life.fail({ kind: 'terminal' });
      life.pass(89 * minute - 1);
      assert.equal(life.served(), 't1.1');
      life.pass(1);
      assert.equal(life.served(), 'login_required');
      assert.equal(life.exchanges, 2);
    });

    it('with code 7 is tried again by the schedule, and by nothing else', () => {
      life.start({ expiresAtMs: life.trueMs + 90 * minute });
      life.refresh();
      life.fail({ kind: 'terminal', mayHeal: true });
      life.pass(hour - 1);
      life.ask(12 * hour);
      assert.equal(life.exchanges, 2, 'nor by a minTtl');
      life.pass(1);
      assert.equal(life.exchanges, 3);
      life.fail({ kind: 'terminal', mayHeal: true });
      life.pass(hour - 1);
      life.ask();
      assert.equal(life.exchanges, 3, 'nor by the 10 % rule, nor by a request without a token');
      life.pass(1);
      life.succeed();
      assert.equal(life.state.phase.kind, 'resting');
    });
  });

  describe('needs_person', () => {
    it('is never tried again by a timer, the schedule, sleep or a request', () => {
      life.find();
      life.fail({ kind: 'needs_person', message: 'the session is over' });
      for (let hours = 0; hours < 48; hours += 1) {
        life.pass(hour);
        life.sleep(hour);
        assert.equal(life.served(), 'login_required');
      }
      assert.equal(life.exchanges, 1);
    });

    it('is tried again by a refresh, which may open a window', () => {
      life.find();
      assert.equal(life.all('start_exchange')[0]?.interactive, false);
      life.fail({ kind: 'needs_person' });
      life.refresh();
      assert.equal(life.all('start_exchange')[1]?.interactive, true);
    });
  });

  describe('budget', () => {
    it('holds in an outage without a token, and nothing rings in vain', () => {
      life.find();
      life.fail();
      const starts: number[] = [];
      for (let passed = 0; passed < 2 * hour; passed += second) {
        const before = life.exchanges;
        life.outage(second);
        for (let at = before; at < life.exchanges; at += 1) starts.push(life.monotonicMs);
      }
      for (const [at, startMs] of starts.entries()) {
        const hourBefore = starts.slice(0, at).filter((other) => other > startMs - hour + second);
        assert.ok(hourBefore.length < 60, `${hourBefore.length + 1} exchanges in an hour`);
      }
    });

    it('leaves the daemon its own retries, though clients ask all through the outage', () => {
      life.find();
      life.outage(20 * minute);
      const before = life.exchanges;
      for (let passed = 0; passed < 5 * minute; passed += second) {
        life.pass(second);
        if (life.isExchanging) life.succeed();
      }
      assert.equal(life.exchanges, before + 1);
      assert.notEqual(life.served(), 'unavailable');
    });

    it('used up lets the alarm ring when there is a place again, not before', () => {
      life.schedule = (afterMs) => afterMs + second;
      life.start({ expiresAtMs: life.trueMs + hour });
      const hourLaterMs = life.monotonicMs + hour;
      for (let seconds = 0; seconds < 100; seconds += 1) {
        life.pass(second);
        if (life.isExchanging) life.succeed({ expiresAtMs: life.trueMs + hour });
      }
      assert.equal(life.exchanges, 60);
      life.schedule = () => null;
      life.pass(hourLaterMs - life.monotonicMs - 1);
      assert.equal(life.exchanges, 60);
      life.pass(1);
      assert.equal(life.exchanges, 61, 'the renewal at 10 %, as soon as it can be');
    });

    it('is not used up by what a person asks for', () => {
      life.start();
      for (let asked = 0; asked < 200; asked += 1) {
        life.refresh();
        life.succeed();
      }
      life.pass(hour);
      assert.equal(life.exchanges, 202);
    });

    it('used up is told to a request that would need it', () => {
      life.schedule = (afterMs) => afterMs + second;
      life.start({ expiresAtMs: life.trueMs + 2 * minute });
      for (let seconds = 0; seconds < 200; seconds += 1) {
        life.pass(second);
        if (life.isExchanging) life.succeed({ expiresAtMs: life.trueMs + 2 * minute });
      }
      const reply = life.reply(life.ask());
      assert.ok('problem' in reply);
      assert.match(reply.problem.message, /budget/);
      assert.ok((reply.problem.retryAfterMs ?? 0) > 55 * minute);
    });
  });
});
