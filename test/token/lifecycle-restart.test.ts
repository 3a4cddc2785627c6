import assert from 'node:assert/strict';
import { hour, minute, year } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

describe('lifecycle: restart', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
  });

  it('serves the persisted token without an exchange', () => {
    driver.startWithCredential();
    driver.passTime(hour);
    driver.restart();
    assert.equal(driver.requestToken(), 't1.1');
    assert.equal(driver.exchanges, 1);
  });

  it('renews a persisted token that has expired before it serves anything', () => {
    driver.startWithCredential();
    driver.serverMs += 12 * hour;
    driver.restart();
    const pending = driver.request();
    assert.ok(!driver.outcomes.has(pending));
    driver.fail();
    assert.ok('problem' in driver.outcome(pending));
  });

  it('does not serve the persisted token if the clock is behind its arrival', () => {
    driver.startWithCredential();
    driver.serverMs += 20 * hour;
    driver.clockErrorMs = -50 * year;
    driver.restart();
    assert.ok(driver.isExchanging);
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('does not serve the persisted token if the clock was days behind', () => {
    driver.startWithClockError(-20 * hour);
    driver.startWithCredential();
    driver.serverMs += 25 * hour;
    driver.restart();
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('does not back off longer because the persisted token seems to have years left', () => {
    driver.startWithCredential();
    driver.clockErrorMs = minute - driver.serverMs;
    driver.restart();
    for (let failures = 0; failures < 20; failures += 1) {
      driver.fail({}, 0.99);
      driver.passTime(5 * minute);
      assert.ok(driver.isExchanging);
    }
  });

  it('does not serve the persisted token if the clock starts in 1970 at each boot', () => {
    driver.startWithClockError(minute - driver.serverMs);
    driver.startWithCredential();
    driver.serverMs += 20 * hour;
    driver.clockErrorMs = minute - driver.serverMs;
    driver.restart();
    assert.ok(driver.isExchanging);
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('serves the persisted token once the clock is corrected', () => {
    driver.startWithCredential();
    driver.clockErrorMs = -50 * year;
    driver.restart();
    driver.fail({ retryAfterMs: hour });
    driver.setClock(0);
    assert.equal(driver.requestToken(), 't1.1');
  });

  it('judges the persisted token by the persisted offset if the clock is still behind', () => {
    driver.startWithClockError(-5 * hour);
    driver.startWithCredential();
    driver.serverMs += 11 * hour + 59 * minute;
    driver.restart();
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('does not serve the persisted token too long if the clock was ahead and is now correct', () => {
    driver.startWithClockError(5 * hour);
    driver.startWithCredential();
    driver.clockErrorMs = 0;
    driver.serverMs += 11 * hour + 59 * minute;
    driver.restart();
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('counts the time that passes before the keychain is unlocked', () => {
    driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
    driver.serverMs += 30 * minute;
    const persisted = driver.effectsOfKind('persist').at(-1);
    const nextDriver = new LifecycleDriver();
    nextDriver.serverMs = driver.serverMs;
    nextDriver.startWithClockError(0);
    nextDriver.send({
      kind: 'credential_missing',
      problem: { code: 'keychain_locked', message: 'locked' },
    });
    nextDriver.setClock(-3 * hour);
    nextDriver.passTime(40 * minute);
    nextDriver.send({ kind: 'loading' });
    nextDriver.loadCredential(persisted?.token ?? null);
    nextDriver.fail({ retryAfterMs: hour });
    assert.equal(nextDriver.requestToken(), 'unavailable');
    assert.equal(
      nextDriver.effectsOfKind('persist').at(-1)?.clockOffsetMs,
      3 * hour,
      'the new offset is persisted',
    );
  });

  it('does not revive the persisted token if the clock is set back afterwards', () => {
    driver.startWithCredential();
    driver.serverMs += 11 * hour;
    driver.restart();
    driver.fail({ retryAfterMs: hour });
    driver.passTime(59 * minute);
    assert.equal(driver.requestToken(), 'unavailable');
    driver.setClock(-10 * hour, { noticed: false });
    assert.equal(driver.requestToken(), 'unavailable');
  });
});
