import assert from 'node:assert/strict';
import { nextWakeAtMonotonicMs } from '../../src/token/selectors.ts';
import { backoffMs } from '../../src/token/backoff.ts';
import { hour, minute, second } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

const everyHour = (afterMs: number): number => (Math.floor(afterMs / hour) + 1) * hour;

describe('lifecycle: a failure', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
    driver.schedule = everyHour;
  });

  describe('that is transient', () => {
    it('is retried with exponential backoff and full jitter', () => {
      driver.loadCredential();
      for (const failures of [1, 2, 3, 4]) {
        assert.equal(driver.exchanges, failures);
        const waitMs = backoffMs(failures, 0, 0.75);
        driver.fail({}, 0.75);
        driver.passTime(Math.ceil(waitMs) - 1);
        assert.equal(driver.exchanges, failures, `too early after ${failures}`);
        driver.passTime(1);
      }
      assert.equal(driver.exchanges, 5);
    });

    it('restarts its backoff after a success', () => {
      driver.loadCredential();
      for (let failures = 0; failures < 8; failures += 1) {
        driver.fail({}, 0.5);
        driver.passTime(10 * minute);
      }
      driver.succeed();
      driver.refresh();
      driver.fail({}, 0.5);
      driver.passTime(second / 2);
      assert.ok(driver.isExchanging);
    });

    it('does not stop the valid token from being served', () => {
      driver.startWithCredential();
      driver.simulateOutage(10 * hour, minute);
      assert.equal(driver.requestToken(), 't1.1');
    });

    it('is not retried before the Retry-After, not by requests either', () => {
      driver.loadCredential();
      driver.fail({ retryAfterMs: 10 * minute });
      for (let passed = 0; passed < 10 * minute - second; passed += second) {
        driver.passTime(second);
        assert.equal(driver.requestToken(), 'unavailable');
      }
      assert.equal(driver.exchanges, 1);
      driver.passTime(second);
      assert.equal(driver.exchanges, 2);
    });

    it('is retried after an hour, even if the Retry-After is longer', () => {
      driver.loadCredential();
      driver.fail({ retryAfterMs: 1e12 });
      driver.passTime(hour);
      assert.equal(driver.exchanges, 2);
    });

    it('keeps its Retry-After if a refresh before it fails without one', () => {
      driver.loadCredential();
      driver.fail({ retryAfterMs: 30 * minute });
      driver.passTime(minute);
      driver.refresh();
      driver.fail();
      driver.passTime(28 * minute);
      driver.request();
      assert.equal(driver.exchanges, 2);
      driver.passTime(minute);
      assert.equal(driver.exchanges, 3);
    });

    it('is retried for a request without a valid token, 5 s after the last attempt ended', () => {
      driver.loadCredential();
      for (let failures = 0; failures < 10; failures += 1) {
        driver.fail({}, 0.99);
        driver.refresh();
      }
      driver.fail({}, 0.99);
      const before = driver.exchanges;
      driver.passTime(5 * second - 1);
      const earlyReply = driver.outcome(driver.request());
      assert.ok('problem' in earlyReply);
      assert.equal(earlyReply.problem.retryAfterMs, 1);
      driver.passTime(1);
      driver.request();
      assert.equal(driver.exchanges, before + 1);
    });

    it('E5: tells requests when the next own retry comes, if that is sooner', () => {
      driver.loadCredential();
      driver.fail();
      const ownRetryMs = (nextWakeAtMonotonicMs(driver.state, driver.now) ?? 0) - driver.monotonicMs;
      assert.ok(ownRetryMs < 5 * second, `${ownRetryMs}`);
      const reply = driver.outcome(driver.request());
      assert.ok('problem' in reply);
      assert.equal(reply.problem.retryAfterMs, Math.ceil(ownRetryMs));
      driver.passTime(reply.problem.retryAfterMs ?? 0);
      assert.ok(driver.isExchanging);
    });

    it('is not retried for a request that the current token satisfies', () => {
      driver.startWithCredential();
      driver.refresh();
      driver.fail({ retryAfterMs: hour });
      driver.passTime(10 * minute);
      assert.equal(driver.requestToken(), 't1.1');
      assert.equal(driver.exchanges, 2);
    });

    it('is not retried for a minTtl before the backoff ends', () => {
      driver.startWithCredential();
      driver.refresh();
      for (let failures = 0; failures < 12; failures += 1) {
        driver.fail({}, 0.99);
        driver.refresh();
      }
      driver.fail({}, 0.99);
      driver.passTime(minute);
      assert.equal(driver.requestToken(12 * hour), 'unavailable');
    });

    it('is reported with its count and start, until a success', () => {
      driver.loadCredential();
      const firstFailureMs = driver.serverMs;
      driver.fail({}, 0.5);
      driver.passTime(second);
      driver.fail({}, 0.5);
      assert.deepEqual(
        [
          driver.state.failureStreak?.count,
          driver.state.failureStreak?.sinceMs,
          driver.state.failureStreak?.lastAtMs,
        ],
        [2, firstFailureMs, firstFailureMs + second],
      );
      driver.passTime(minute);
      driver.succeed();
      assert.equal(driver.state.failureStreak, null);
    });
  });

  describe('that is terminal', () => {
    it('is not retried by a timer, the schedule, sleep or a request', () => {
      driver.loadCredential();
      driver.fail({ kind: 'terminal', message: 'the OAuth token is invalid', hint: 'iam-token login' });
      for (let hours = 0; hours < 48; hours += 1) {
        driver.passTime(hour);
        driver.suspend(hour);
        const reply = driver.outcome(driver.request());
        assert.ok('problem' in reply);
        assert.equal(reply.code, 'login_required');
        assert.equal(reply.problem.hint, 'iam-token login');
      }
      assert.equal(driver.exchanges, 1);
    });

    it('is retried once by a refresh, and ended by a login', () => {
      driver.loadCredential();
      driver.fail({ kind: 'terminal' });
      driver.refresh();
      driver.fail({ kind: 'terminal' });
      assert.equal(driver.exchanges, 2);
      driver.logIn();
      assert.notEqual(driver.requestToken(), 'login_required');
      driver.passTime(hour);
      assert.equal(driver.exchanges, 3, 'the schedule renews again');
    });

    it('does not stop the valid token from being served until its last minute', () => {
      driver.startWithCredential({ expiresAtMs: driver.serverMs + 90 * minute });
      driver.refresh();
      driver.fail({ kind: 'terminal' });
      driver.passTime(89 * minute - 1);
      assert.equal(driver.requestToken(), 't1.1');
      driver.passTime(1);
      assert.equal(driver.requestToken(), 'login_required');
      assert.equal(driver.exchanges, 2);
    });

    it('is retried by the schedule alone if its code is 7', () => {
      driver.startWithCredential({ expiresAtMs: driver.serverMs + 90 * minute });
      driver.refresh();
      driver.fail({ kind: 'terminal', retryOnSchedule: true });
      driver.passTime(hour - 1);
      driver.request(12 * hour);
      assert.equal(driver.exchanges, 2, 'not by a minTtl');
      driver.passTime(1);
      assert.equal(driver.exchanges, 3);
      driver.fail({ kind: 'terminal', retryOnSchedule: true });
      driver.passTime(hour - 1);
      driver.request();
      assert.equal(driver.exchanges, 3, 'not at 10 % of the lifetime, nor for a request without a token');
      driver.passTime(1);
      driver.succeed();
      assert.equal(driver.state.phase.kind, 'idle');
    });
  });

  describe('that requires interaction', () => {
    it('is not retried by a timer, the schedule, sleep or a request', () => {
      driver.loadCredential();
      driver.fail({ kind: 'interaction_required', message: 'the session has expired' });
      for (let hours = 0; hours < 48; hours += 1) {
        driver.passTime(hour);
        driver.suspend(hour);
        assert.equal(driver.requestToken(), 'login_required');
      }
      assert.equal(driver.exchanges, 1);
    });

    it('is retried by a refresh, which is interactive', () => {
      driver.loadCredential();
      assert.equal(driver.effectsOfKind('start_exchange')[0]?.interactive, false);
      driver.fail({ kind: 'interaction_required' });
      driver.refresh();
      assert.equal(driver.effectsOfKind('start_exchange')[1]?.interactive, true);
    });
  });
});
