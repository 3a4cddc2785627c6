import assert from 'node:assert/strict';
import { hour, minute, year } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

describe('lifecycle: setting the clock', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
  });

  it('back by years does not revive an expired token, whether it is noticed or not', () => {
    driver.startWithCredential();
    driver.passTime(hour);
    driver.setClock(-3 * year, { noticed: false });
    driver.passTime(10 * hour + 59 * minute);
    assert.ok(driver.isExchanging);
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
    driver.setClock(-6 * year);
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('back by years keeps a valid token, without an exchange', () => {
    driver.startWithCredential();
    driver.passTime(hour);
    driver.setClock(-3 * year);
    driver.passTime(hour);
    assert.equal(driver.requestToken(), 't1.1');
    assert.equal(driver.exchanges, 1);
  });

  it('back does not reset the backoff, as sleep does', () => {
    driver.loadCredential();
    for (let failures = 0; failures < 12; failures += 1) {
      driver.fail({}, 0.99);
      driver.refresh();
    }
    driver.fail({}, 0.99);
    const before = driver.exchanges;
    driver.setClock(-hour);
    assert.equal(driver.exchanges, before);
  });

  it('ahead by years causes one exchange, which corrects the time', () => {
    driver.startWithCredential();
    driver.passTime(hour);
    driver.setClock(2 * year);
    driver.succeed();
    assert.equal(driver.state.clockEstimate.offsetMs, -2 * year);
    driver.passTime(8 * hour);
    assert.equal(driver.requestToken(), 't1.2');
    driver.setClock(0);
    assert.equal(driver.state.clockEstimate.offsetMs, 0);
    assert.equal(driver.requestToken(), 't1.2');
    assert.equal(driver.exchanges, 2);
  });

  it('back during an exchange counts once', () => {
    driver.loadCredential();
    driver.setClock(-3 * hour, { noticed: false });
    driver.succeed();
    driver.send({ kind: 'timer_fired', jumpMs: -3 * hour });
    assert.equal(driver.state.clockEstimate.offsetMs, 3 * hour);
  });

  it('makes the schedule plan again', () => {
    driver.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
    driver.startWithCredential();
    driver.setClock(-2 * year);
    driver.passTime(hour);
    assert.equal(driver.exchanges, 2);
  });

  it('ahead by years and back is corrected by a login, even without a server time', () => {
    driver.serverSendsDate = false;
    driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
    driver.setClock(year);
    driver.succeed({ expiresAtMs: driver.serverMs + hour });
    assert.equal(driver.requestToken(), 'unavailable');
    driver.setClock(0);
    driver.logIn({ expiresAtMs: driver.serverMs + hour });
    assert.match(driver.requestToken(), /^t1/);
  });

  describe('back after it was ahead, while responses have no Date', () => {
    beforeEach(() => {
      driver.serverSendsDate = false;
    });
    const inTwelveHours = (): number => driver.serverMs + 12 * hour;

    it('E12: the next wake heals a daemon that started with a clock 13 h ahead', () => {
      driver.startWithClockError(13 * hour);
      driver.loadCredential();
      driver.succeed({ expiresAtMs: inTwelveHours() });
      assert.equal(driver.requestToken(), 'unavailable');
      driver.setClock(0);
      driver.succeed({ expiresAtMs: inTwelveHours() });
      assert.equal(driver.requestToken(), 't1.2');
      assert.equal(driver.state.clockEstimate.offsetMs, 0);
      driver.passTime(12 * hour - 2 * minute);
      if (driver.isExchanging) driver.fail({ retryAfterMs: hour });
      assert.equal(driver.requestToken(), 't1.2');
      driver.passTime(minute);
      if (driver.isExchanging) driver.fail({ retryAfterMs: hour });
      assert.equal(driver.requestToken(), 'unavailable');
    });

    it('E12: the next exchange heals it if the clock was set before IAM could be reached', () => {
      driver.startWithClockError(13 * hour);
      driver.loadCredential();
      driver.fail();
      driver.setClock(0);
      driver.passTime(10 * minute);
      driver.succeed({ expiresAtMs: inTwelveHours() });
      assert.equal(driver.requestToken(), 't1.2');
    });

    it('E12: an exchange that ends before the wake, and a source that judges by the local clock, heal too', () => {
      driver.startWithClockError(13 * hour);
      driver.loadCredential();
      driver.fail({ suspectsClock: true });
      driver.refresh();
      driver.setClock(0, { noticed: false });
      driver.succeed({ expiresAtMs: inTwelveHours() });
      assert.equal(driver.requestToken(), 't1.2');
      driver.send({ kind: 'timer_fired', jumpMs: -13 * hour });
      assert.equal(driver.requestToken(), 't1.2');
      assert.equal(driver.exchanges, 2);
    });

    it('E12: a token that looked expired is served again, once IAM has issued it again', () => {
      const expiresAtMs = driver.serverMs + 12 * hour;
      driver.startWithCredential({ expiresAtMs });
      driver.setClock(13 * hour);
      driver.succeed({ expiresAtMs });
      assert.equal(driver.requestToken(), 'unavailable');
      driver.setClock(0);
      driver.succeed({ expiresAtMs });
      assert.match(driver.requestToken(), /^t1/);
    });

    it('E12: a restart afterwards does not bring the wrong time back', () => {
      driver.startWithClockError(13 * hour);
      driver.loadCredential();
      driver.succeed({ expiresAtMs: inTwelveHours() });
      driver.setClock(0);
      driver.succeed({ expiresAtMs: inTwelveHours() });
      driver.restart();
      assert.equal(driver.requestToken(), 't1.2');
      assert.equal(driver.exchanges, 2);
    });

    it('E12: a lifetime instead of an expiry counts from the local clock at once', () => {
      const renew = (): void =>
        driver.succeed({ expiresAtMs: driver.now.wallMs + 12 * hour, hasRelativeExpiry: true });
      driver.startWithClockError(13 * hour);
      driver.loadCredential();
      renew();
      driver.setClock(0);
      driver.refresh();
      renew();
      assert.equal(driver.requestToken(), 't1.2');
      assert.equal(driver.state.token?.expiresAtMs, driver.serverMs + 12 * hour);
      assert.equal(driver.state.failureStreak, null);
    });

    it('E12: a cache that returns an expired token again does not revive it', () => {
      const expiresAtMs = driver.serverMs + hour;
      driver.startWithCredential({ expiresAtMs });
      driver.passTime(2 * hour);
      driver.fail();
      driver.setClock(-13 * hour);
      driver.passTime(10 * minute);
      for (let attempt = 0; attempt < 3; attempt += 1) {
        if (driver.isExchanging) driver.succeed({ expiresAtMs });
        assert.equal(driver.requestToken(), 'unavailable');
        driver.passTime(10 * minute);
      }
    });

    it('E12: nor does a local clock that is before the time since the last Date', () => {
      driver.serverSendsDate = true;
      driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
      driver.serverSendsDate = false;
      driver.passTime(2 * hour);
      driver.fail();
      driver.setClock(-13 * hour);
      driver.passTime(10 * minute);
      driver.succeed({ expiresAtMs: driver.serverMs - minute });
      assert.equal(driver.requestToken(), 'unavailable');
    });
  });

  it('ahead during an exchange keeps the token that expires last, once the next server time corrects it', () => {
    driver.startWithCredential();
    driver.refresh();
    driver.setClock(3 * hour, { noticed: false });
    driver.succeed({ expiresAtMs: driver.serverMs + 11 * hour });
    driver.refresh();
    driver.succeed({ expiresAtMs: driver.serverMs + 10 * hour });
    assert.equal(driver.requestToken(), 't1.1');
  });

  it('back by years during an exchange does not make a persisted token look new', () => {
    driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
    driver.serverMs += 20 * hour;
    driver.clockErrorMs = minute - driver.serverMs;
    driver.restart();
    const pending = driver.request();
    driver.setClock(-20 * year, { noticed: false });
    driver.succeed({ expiresAtMs: driver.serverMs + 12 * hour });
    assert.ok('problem' in driver.outcome(pending));
    driver.send({ kind: 'timer_fired', jumpMs: 37 * year });
    driver.succeed();
    assert.equal(driver.requestToken(), 't1.2');
  });

  it('persists the offset with the token', () => {
    driver.startWithCredential();
    driver.setClock(-3 * hour);
    assert.equal(driver.effectsOfKind('persist').at(-1)?.clockOffsetMs, 3 * hour);
  });

  it('is corrected and persisted after a failed exchange too', () => {
    driver.startWithCredential();
    driver.clockErrorMs = -3 * hour;
    driver.refresh();
    driver.fail({ serverTimeMs: driver.serverMs });
    assert.equal(driver.state.clockEstimate.offsetMs, 3 * hour);
    assert.equal(driver.effectsOfKind('persist').at(-1)?.clockOffsetMs, 3 * hour);
  });
});
