import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import { hour, minute, second } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

describe('lifecycle: serving', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
  });

  it('serves a fresh token at once, without an exchange', () => {
    driver.startWithCredential();
    driver.passTime(hour);
    assert.equal(driver.requestToken(), 't1.1');
    assert.equal(driver.exchanges, 1);
  });

  it('serves a stale token at once, and renews it in the background', () => {
    driver.startWithCredential();
    driver.passTime(10 * hour + 48 * minute);
    assert.ok(driver.isExchanging);
    assert.equal(driver.requestToken(), 't1.1');
    assert.equal(driver.exchanges, 2);
  });

  it('makes all requests without a valid token wait for one exchange', () => {
    driver.loadCredential();
    const pending = Array.from({ length: 1_000 }, () => driver.request());
    assert.equal(driver.outcomes.size, 0);
    driver.succeed();
    assert.ok(pending.every((requestId) => 'token' in driver.outcome(requestId)));
    assert.equal(driver.exchanges, 1);
  });

  it('serves no token in its last minute or later', () => {
    driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
    driver.passTime(54 * minute);
    driver.fail({ retryAfterMs: hour });
    driver.passTime(5 * minute - 1);
    assert.equal(driver.requestToken(), 't1.1');
    driver.passTime(1);
    assert.equal(driver.requestToken(), 'unavailable');
    driver.passTime(hour);
    assert.ok(driver.isExchanging);
    driver.fail();
    assert.equal(driver.requestToken(), 'unavailable');
  });

  it('rejects all waiting requests with the hint when the exchange fails', () => {
    driver.loadCredential();
    const pending = [driver.request(), driver.request(hour), driver.refresh()];
    driver.fail({ message: 'IAM is down', hint: 'wait' });
    for (const requestId of pending) {
      const reply = driver.outcome(requestId);
      assert.ok('problem' in reply);
      assert.equal(reply.problem.message, 'IAM is down');
      assert.equal(reply.problem.hint, 'wait');
      assert.ok((reply.problem.retryAfterMs ?? 0) > 0);
    }
  });

  it('does not answer a request that was cancelled', () => {
    driver.loadCredential();
    const [cancelledId, remainingId] = [driver.request(), driver.request()];
    driver.send({ kind: 'requests_cancelled', requestIds: new Set([cancelledId]) });
    driver.succeed();
    assert.ok(!driver.outcomes.has(cancelledId));
    assert.ok(driver.outcomes.has(remainingId));
  });

  it('makes requests wait while the store is read, and resolves them with the persisted token', () => {
    driver.startWithCredential();
    const storedToken = driver.effectsOfKind('persist').at(-1)?.token ?? null;
    const nextDriver = new LifecycleDriver();
    const [pending, pendingRefresh] = [nextDriver.request(), nextDriver.refresh()];
    nextDriver.loadCredential(storedToken);
    assert.deepEqual(nextDriver.outcome(pending), { token: 't1.1' });
    assert.ok(!nextDriver.outcomes.has(pendingRefresh));
    nextDriver.succeed();
    assert.ok('token' in nextDriver.outcome(pendingRefresh));
  });

  describe('with a minTtl', () => {
    it('serves the current token if it is valid long enough', () => {
      driver.startWithCredential();
      assert.equal(driver.requestToken(12 * hour), 't1.1');
      assert.equal(driver.exchanges, 1);
    });

    it('C8: counts a token that was just issued as valid for the whole 12 hours, for a minute', () => {
      driver.startWithCredential({ expiresAtMs: driver.serverMs + 12 * hour - second });
      assert.equal(driver.requestToken(12 * hour), 't1.1');
      driver.passTime(minute - second - 1);
      assert.equal(driver.requestToken(12 * hour), 't1.1');
      assert.equal(driver.exchanges, 1);
      driver.passTime(1);
      const pending = driver.request(12 * hour);
      assert.ok(driver.isExchanging);
      driver.succeed({ expiresAtMs: driver.serverMs + 12 * hour - minute + 1 });
      assert.deepEqual(driver.outcome(pending), { token: 't1.2' });
    });

    it('C8: does not count one that misses it by a minute', () => {
      driver.startWithCredential();
      driver.passTime(hour);
      const pending = driver.request(12 * hour);
      driver.succeed({ expiresAtMs: driver.serverMs + 12 * hour - minute });
      assert.ok('problem' in driver.outcome(pending));
    });

    it('makes all requests wait for one exchange if the current token expires too soon', () => {
      driver.startWithCredential();
      driver.passTime(2 * hour);
      const pending = Array.from({ length: 100 }, () => driver.request(11 * hour));
      driver.succeed();
      for (const requestId of pending) assert.deepEqual(driver.outcome(requestId), { token: 't1.2' });
      assert.equal(driver.exchanges, 2);
    });

    it('names the time left if the renewed token does not reach it either', () => {
      driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
      const pending = driver.request(2 * hour);
      driver.succeed({ expiresAtMs: driver.serverMs + hour });
      const reply = driver.outcome(pending);
      assert.ok('problem' in reply);
      assert.equal(reply.code, 'unavailable');
      assert.match(reply.problem.message, /valid for another 3600 s, less than the requested 7200 s/);
      assert.equal(reply.problem.retryAfterMs, minute);
    });

    it('causes at most one exchange a minute and 6 an hour, for a thousand requests', () => {
      driver.startWithCredential({ expiresAtMs: driver.serverMs + hour });
      const starts: number[] = [];
      for (let pending = 0; pending < 1_000; pending += 1) {
        driver.request(12 * hour);
        if (driver.isExchanging) {
          starts.push(driver.monotonicMs);
          driver.succeed({ expiresAtMs: driver.serverMs + hour });
        }
        driver.passTime(3 * second);
      }
      assert.equal(starts.length, 6);
      assert.ok(starts.slice(1).every((at, index) => at - (starts[index] ?? 0) >= minute));
    });

    it('serves the current token to other requests during and after the renewal', () => {
      driver.startWithCredential();
      driver.passTime(hour);
      const pending = driver.request(12 * hour);
      assert.equal(driver.requestToken(), 't1.1');
      driver.fail();
      assert.equal(driver.requestToken(), 't1.1');
      assert.ok('problem' in driver.outcome(pending));
    });
  });

  it('makes a refresh join the exchange in progress', () => {
    driver.startWithCredential();
    const first = driver.refresh();
    const second = driver.refresh();
    driver.succeed({ value: new Secret('t1.new') });
    assert.deepEqual(
      [driver.outcome(first), driver.outcome(second)],
      [{ token: 't1.new' }, { token: 't1.new' }],
    );
    assert.equal(driver.exchanges, 2);
    assert.equal(driver.effectsOfKind('start_exchange').at(-1)?.interactive, true);
  });

  it('rejects a refresh that failed, even if there is a valid token', () => {
    driver.startWithCredential();
    const pending = driver.refresh();
    driver.fail();
    assert.ok('problem' in driver.outcome(pending));
    assert.equal(driver.requestToken(), 't1.1');
  });
});
