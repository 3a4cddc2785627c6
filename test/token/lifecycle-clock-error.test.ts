import assert from 'node:assert/strict';
import { formatHint } from '../../src/shared/hint.ts';
import { hour, minute, second, year } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

describe('lifecycle: a clock that is wrong from the start', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
  });

  for (const [description, errorMs] of Object.entries({
    'ahead by years': 4 * year,
    'behind by years': -4 * year,
    'ahead by minutes': 2 * minute,
    'behind by minutes': -2 * minute,
  })) {
    it(`${description}: the token is served until it expires, and not longer`, () => {
      driver.startWithClockError(errorMs);
      driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
      assert.equal(driver.state.clockEstimate.offsetMs, -errorMs);
      driver.passTime(54 * minute);
      driver.fail({ retryAfterMs: hour });
      driver.passTime(5 * minute - 1);
      assert.equal(driver.requestToken(), 't1.1');
      driver.passTime(1);
      assert.equal(driver.requestToken(), 'unavailable');
    });
  }

  it('behind by a minute: nothing is served in the token’s last minute', () => {
    driver.startWithClockError(-minute);
    driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
    driver.passTime(59 * minute);
    assert.ok(driver.isExchanging);
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('ahead by years, without a server time: the exchange fails, and the hint names the clock', () => {
    driver.startWithClockError(year);
    driver.serverSendsDate = false;
    driver.loadCredential();
    const pending = driver.request();
    driver.succeed();
    const reply = driver.outcome(pending);
    assert.ok('problem' in reply);
    assert.match(formatHint(reply.problem.hint ?? ''), /clock/);
  });

  for (const [errorMs, expectedHint] of [
    [3 * hour + minute, /^wait\nthis machine's clock is 3 h 1 min ahead; correct it$/],
    [-90 * second, /^wait\nthis machine's clock is 1 min 30 s behind; correct it$/],
  ] as const) {
    it(`${errorMs / second} s off: the hint of a failure names the clock`, () => {
      driver.startWithClockError(errorMs);
      driver.startWithCredential();
      const pending = driver.refresh();
      driver.fail({ hint: 'wait' });
      const reply = driver.outcome(pending);
      assert.ok('problem' in reply);
      assert.match(formatHint(reply.problem.hint ?? ''), expectedHint);
    });
  }

  it('behind by days, without a server time: the token is served for at most 12 hours', () => {
    driver.startWithClockError(-3 * 24 * hour);
    driver.serverSendsDate = false;
    driver.startWithCredential();
    driver.passTime(11 * hour);
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 't1.1');
    driver.passTime(hour);
    driver.fail({ retryAfterMs: hour });
    assert.equal(driver.requestToken(), 'unavailable');
  });
});
