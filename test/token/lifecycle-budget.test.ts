import assert from 'node:assert/strict';
import { hour, minute, second } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

describe('lifecycle: the budget', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
    driver.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
  });

  it('stays below 60 exchanges an hour in an outage, without useless wakes', () => {
    driver.loadCredential();
    driver.fail();
    const starts: number[] = [];
    for (let passed = 0; passed < 2 * hour; passed += second) {
      const before = driver.exchanges;
      driver.simulateOutage(second);
      for (let at = before; at < driver.exchanges; at += 1) starts.push(driver.monotonicMs);
    }
    for (const [at, startMs] of starts.entries()) {
      const hourBefore = starts.slice(0, at).filter((other) => other > startMs - hour + second);
      assert.ok(hourBefore.length < 60, `${hourBefore.length + 1} exchanges in an hour`);
    }
  });

  it('leaves room for retries while clients send requests during the outage', () => {
    driver.loadCredential();
    driver.simulateOutage(20 * minute);
    const before = driver.exchanges;
    for (let passed = 0; passed < 5 * minute; passed += second) {
      driver.passTime(second);
      if (driver.isExchanging) driver.succeed();
    }
    assert.equal(driver.exchanges, before + 1);
    assert.notEqual(driver.requestToken(), 'unavailable');
  });

  it('lets the next attempt start as soon as the budget allows it, and not before', () => {
    driver.schedule = (afterMs) => afterMs + second;
    driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
    const hourLaterMs = driver.monotonicMs + hour;
    for (let seconds = 0; seconds < 100; seconds += 1) {
      driver.passTime(second);
      if (driver.isExchanging) driver.succeed({ expiresAtMs: driver.serverMs + hour });
    }
    assert.equal(driver.exchanges, 60);
    driver.schedule = () => null;
    driver.passTime(hourLaterMs - driver.monotonicMs - 1);
    assert.equal(driver.exchanges, 60);
    driver.passTime(1);
    assert.equal(driver.exchanges, 61, 'the renewal at 10 % of the lifetime, as soon as possible');
  });

  it('does not count exchanges for the user', () => {
    driver.startWithCredential();
    for (let count = 0; count < 200; count += 1) {
      driver.refresh();
      driver.succeed();
    }
    driver.passTime(hour);
    assert.equal(driver.exchanges, 202);
  });

  it('rejects a request with the reason once the budget is used up', () => {
    driver.schedule = (afterMs) => afterMs + second;
    driver.startWithCredential({ expiresAtMs: driver.serverMs + 2 * minute });
    for (let seconds = 0; seconds < 200; seconds += 1) {
      driver.passTime(second);
      if (driver.isExchanging) driver.succeed({ expiresAtMs: driver.serverMs + 2 * minute });
    }
    const reply = driver.outcome(driver.request());
    assert.ok('problem' in reply);
    assert.match(reply.problem.message, /hourly limit/);
    assert.ok((reply.problem.retryAfterMs ?? 0) > 55 * minute);
  });
});
