import assert from 'node:assert/strict';
import { hour, minute, second } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

describe('lifecycle: sleep', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
  });

  it('renews the token before it serves anything, if the token has expired', () => {
    driver.startWithCredential();
    driver.serverMs += 20 * hour;
    const pending = driver.request();
    assert.ok(!driver.outcomes.has(pending));
    driver.succeed();
    assert.deepEqual(driver.outcome(pending), { token: 't1.2' });
  });

  it('resets the backoff', () => {
    driver.loadCredential();
    for (let failures = 0; failures < 12; failures += 1) {
      driver.fail({}, 0.99);
      driver.refresh();
    }
    driver.fail({}, 0.99);
    const before = driver.exchanges;
    driver.suspend(hour);
    assert.equal(driver.exchanges, before + 1);
    driver.fail({}, 0.5);
    driver.passTime(second / 2);
    assert.equal(driver.exchanges, before + 2);
  });

  it('resets the backoff during an exchange too', () => {
    driver.loadCredential();
    for (let failures = 0; failures < 12; failures += 1) {
      driver.fail({}, 0.99);
      driver.refresh();
    }
    driver.suspend(hour);
    driver.fail({}, 0.5);
    driver.passTime(second / 2);
    assert.ok(driver.isExchanging);
  });

  it('counts towards a Retry-After', () => {
    driver.loadCredential();
    driver.fail({ retryAfterMs: hour });
    driver.suspend(50 * minute);
    assert.equal(driver.exchanges, 1);
    driver.passTime(10 * minute);
    assert.equal(driver.exchanges, 2);
    driver.fail({ retryAfterMs: hour });
    driver.suspend(8 * hour);
    assert.equal(driver.exchanges, 3);
  });

  it('counts only from the Retry-After on, even if it is noticed later', () => {
    driver.loadCredential();
    driver.serverMs += 8 * hour;
    driver.fail({ retryAfterMs: hour });
    driver.send({ kind: 'timer_fired', jumpMs: 8 * hour });
    driver.passTime(hour - 1);
    assert.equal(driver.exchanges, 1);
    driver.passTime(1);
    assert.equal(driver.exchanges, 2);
  });

  it('does not reset the budget', () => {
    driver.loadCredential();
    for (let failures = 0; failures < 59; failures += 1) {
      driver.fail();
      driver.suspend(hour);
    }
    driver.fail();
    driver.suspend(hour);
    assert.equal(driver.exchanges, 60);
  });

  it('starts a scheduled renewal that it skipped', () => {
    driver.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
    driver.startWithCredential();
    driver.suspend(3 * hour);
    assert.equal(driver.exchanges, 2);
  });

  it('does not make the server time in a delayed response current', () => {
    driver.loadCredential();
    const issuedToken = driver.exchanged();
    driver.suspend(11 * hour + 30 * minute);
    driver.succeed(issuedToken);
    assert.equal(driver.state.clockEstimate.offsetMs, 0);
    driver.passTime(29 * minute);
    assert.ok(driver.isExchanging);
    assert.notEqual('token' in (driver.outcomes.get(driver.request()) ?? {}), true);
  });

  it('does not make the server time in a delayed response to a login current', () => {
    const startedAt = driver.now;
    const issuedToken = driver.exchanged();
    driver.suspend(20 * hour);
    driver.logIn(issuedToken, startedAt);
    assert.equal(driver.requestToken(), 'unavailable');
  });
});
