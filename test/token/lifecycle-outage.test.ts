import assert from 'node:assert/strict';
import { nextWakeAtMonotonicMs } from '../../src/token/selectors.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';
import { hour, minute, second } from '../support/time/durations.ts';

describe('lifecycle: an outage while requests wait', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
    driver.loadCredential();
  });

  const countProbes = (): number => driver.effectsOfKind('probe_service').length;
  const answer = (text: string | null): void => void driver.send({ kind: 'service_probed', answer: text });

  const requestAttempts = (): number =>
    driver.state.attempts.filter(({ trigger }) => trigger === 'request').length;

  /** Fails all attempts that requests start at once. */
  function failBurst(): void {
    while (requestAttempts() < 6) {
      driver.passTime(5 * second);
      if (driver.isExchanging) driver.fail({}, 0.999);
      driver.request();
      if (driver.isExchanging) driver.fail({}, 0.999);
    }
    assert.equal(driver.requestToken(), 'unavailable');
  }

  it('E5: looks at the service every 5 s, and only while requests wait', () => {
    driver.fail({}, 0.999);
    driver.refresh();
    driver.fail({}, 0.999);
    driver.passTime(6 * second);
    assert.equal(countProbes(), 0, 'no request waits');
    failBurst();
    const before = countProbes();
    driver.request();
    for (let passed = 0; passed < 5; passed += 1) {
      driver.passTime(5 * second);
      answer(null);
      driver.request();
    }
    assert.equal(countProbes(), before + 5);
    driver.passTime(10 * minute);
    if (driver.isExchanging) driver.fail({}, 0.999);
    const after = countProbes();
    driver.passTime(4 * minute);
    assert.equal(countProbes(), after, 'two minutes after the last request');
  });

  it('E5: starts one exchange for another answer, and none for the same', () => {
    driver.fail({}, 0.999);
    failBurst();
    driver.passTime(5 * second);
    answer(null);
    const before = driver.exchanges;
    driver.passTime(5 * second);
    answer('HTTP 404');
    assert.equal(driver.exchanges, before + 1);
    driver.fail({}, 0.999);
    driver.request();
    driver.passTime(5 * second);
    answer('HTTP 404');
    assert.equal(driver.exchanges, before + 1, 'it answers as before');
    driver.passTime(5 * second);
    answer('HTTP 403');
    assert.equal(driver.exchanges, before + 2);
    driver.succeed();
    assert.match(driver.requestToken(), /^t1/);
  });

  it('E5: starts at most six exchanges an hour that fail for answers that change', () => {
    driver.fail({}, 0.999);
    failBurst();
    const before = driver.exchanges;
    for (let count = 0; count < 10; count += 1) {
      driver.request();
      driver.passTime(5 * second);
      answer(`HTTP ${400 + count}`);
      if (driver.isExchanging) driver.fail({}, 0.999);
    }
    assert.equal(driver.exchanges, before + 6);
  });

  it('E5: neither looks nor tries before a Retry-After', () => {
    driver.fail({ retryAfterMs: 10 * minute });
    driver.request();
    const { exchanges } = driver;
    for (let passed = 0; passed < 10 * minute - second; passed += second) {
      driver.passTime(second);
      driver.request();
    }
    answer('HTTP 404');
    assert.equal(countProbes(), 0);
    assert.equal(driver.exchanges, exchanges);
  });

  it('E5: tries by itself within 105 s, and says so', () => {
    driver.fail({}, 0.999);
    failBurst();
    driver.passTime(second);
    const outcome = driver.outcome(driver.request());
    assert.ok('problem' in outcome);
    const { retryAfterMs = Infinity } = outcome.problem;
    assert.ok(retryAfterMs <= 105 * second, `${retryAfterMs}`);
    const { exchanges } = driver;
    driver.passTime(retryAfterMs);
    assert.equal(driver.exchanges, exchanges + 1);
  });

  it('E5: spreads the attempts for requests over the hour', () => {
    driver.fail({}, 0.999);
    const starts: number[] = [];
    for (let passed = 0; passed < hour; passed += second / 2) {
      driver.passTime(second / 2);
      driver.request();
      if (!driver.isExchanging) continue;
      starts.push(passed);
      driver.fail({}, 0.999);
    }
    const gaps = starts.map((startMs, index) => (starts[index + 1] ?? hour) - startMs);
    assert.ok(Math.max(...gaps) <= 110 * second, `${Math.max(...gaps) / second} s without an attempt`);
    assert.ok(starts.length <= 50, `${starts.length} attempts`);
  });

  it('forgets the requests that waited once a token has been received', () => {
    driver.fail({}, 0.999);
    driver.request();
    if (!driver.isExchanging) driver.passTime(5 * second);
    if (!driver.isExchanging) driver.request();
    driver.succeed();
    assert.equal(driver.state.rejectedAtMonotonicMs, null);
    assert.equal(driver.state.probe, null);
    assert.ok((nextWakeAtMonotonicMs(driver.state, driver.now) ?? 0) > driver.monotonicMs + hour);
  });
});
