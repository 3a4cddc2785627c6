import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import type { ExchangeOutcome } from '../../src/token/token-source.ts';
import { hour, minute, second, year } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

describe('lifecycle: renewal', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
  });

  /** Passes time while every exchange succeeds at once. */
  function runFor(ms: number, respond: () => void): void {
    for (let passed = 0; passed < ms; passed += second) {
      driver.passTime(second);
      if (driver.isExchanging) respond();
    }
  }

  it('follows the schedule, even if the token is fresh', () => {
    driver.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
    driver.startWithCredential();
    runFor(5 * hour, () => driver.succeed());
    assert.equal(driver.exchanges, 6);
  });

  it('starts at a tenth of the lifetime left if the schedule has a gap', () => {
    driver.schedule = (afterMs) => afterMs + 48 * hour;
    driver.startWithCredential();
    driver.passTime(10 * hour + 48 * minute - 1);
    assert.equal(driver.exchanges, 1);
    driver.passTime(1);
    assert.equal(driver.exchanges, 2);
  });

  it('starts at a tenth of the lifetime left without a schedule', () => {
    driver.startWithCredential();
    runFor(30 * hour, () => driver.succeed());
    assert.equal(driver.exchanges, 3);
    assert.notEqual(driver.requestToken(), 'unavailable');
  });

  it('starts before the token expires, even if its lifetime is 5 minutes', () => {
    const respond = (): void => driver.succeed({ expiresAtMs: driver.serverMs + 5 * minute });
    driver.loadCredential();
    respond();
    runFor(30 * minute, () => {
      assert.notEqual(driver.requestToken(), 'unavailable');
      respond();
    });
    assert.ok(driver.exchanges <= 9);
  });

  it('succeeds if IAM issues the same token again, compared by expiry', () => {
    driver.schedule = (afterMs) => afterMs + hour;
    const expiresAtMs = driver.serverMs + 12 * hour;
    driver.startWithCredential({ expiresAtMs });
    driver.passTime(hour);
    driver.succeed({ value: new Secret('t1.1'), expiresAtMs });
    assert.equal(driver.state.failureStreak, null);
    assert.equal(driver.effectsOfKind('announce').length, 1, 'nothing rotated');
    assert.equal(driver.requestToken(), 't1.1');
  });

  it('does not flood a service that issues the same token until it expires', () => {
    let expiresAtMs = driver.serverMs + 12 * hour;
    const respond = (): void => {
      if (driver.serverMs >= expiresAtMs) expiresAtMs = driver.serverMs + 12 * hour;
      driver.succeed({ expiresAtMs });
    };
    driver.loadCredential();
    respond();
    runFor(12 * hour + 5 * minute, respond);
    assert.ok(driver.exchanges < 20, `${driver.exchanges} exchanges`);
    assert.notEqual(driver.requestToken(), 'unavailable');
  });

  it('keeps the current token if the new one expires sooner, and does not repeat at once', () => {
    driver.startWithCredential();
    driver.passTime(11 * hour);
    const sendOlderToken = (): void =>
      driver.succeed({ value: new Secret('t1.old'), expiresAtMs: driver.serverMs + 30 * minute });
    sendOlderToken();
    runFor(minute, sendOlderToken);
    assert.equal(driver.requestToken(), 't1.1');
    assert.equal(driver.exchanges, 2);
  });

  it('fails if the new token has already expired, and keeps the current one', () => {
    driver.startWithCredential();
    driver.refresh();
    driver.succeed({ expiresAtMs: driver.serverMs - hour });
    assert.equal(driver.state.phase.kind, 'backing_off');
    assert.match(driver.state.failureStreak?.failure.message ?? '', /already expired/);
    assert.equal(driver.requestToken(), 't1.1');
  });

  it('backs off from a service that issues only expired tokens', () => {
    const sendExpiredToken = (): void => driver.succeed({ expiresAtMs: driver.serverMs + minute });
    driver.loadCredential();
    const pending = driver.request();
    sendExpiredToken();
    const reply = driver.outcome(pending);
    assert.ok('problem' in reply);
    assert.match(reply.problem.message, /expires in 60 s$/);
    runFor(hour, sendExpiredToken);
    assert.ok(driver.exchanges < 40, `${driver.exchanges} exchanges`);
  });

  it('is not delayed by a token that claims to be valid for a hundred years', () => {
    driver.startWithCredential({ expiresAtMs: driver.serverMs + 100 * year });
    driver.passTime(hour);
    driver.refresh();
    driver.succeed({ value: new Secret('t1.next') });
    driver.passTime(12 * hour);
    driver.succeed({ value: new Secret('t1.real') });
    assert.equal(driver.requestToken(), 't1.real');
  });

  it('ignores the result of an exchange that was cancelled', () => {
    driver.loadCredential();
    const { attempt } = driver.effectsOfKind('start_exchange')[0] ?? { attempt: 0 };
    driver.logIn({ value: new Secret('t1.login') });
    const lateToken = driver.exchanged({
      value: new Secret('t1.late'),
      expiresAtMs: driver.serverMs + 13 * hour,
    });
    const outcomes: readonly ExchangeOutcome<Secret>[] = [
      { ok: true, issuedToken: lateToken },
      { ok: false, failure: { kind: 'terminal', message: 'no' } },
    ];
    const startedAt = driver.now;
    for (const outcome of outcomes)
      driver.send({ kind: 'exchange_ended', attempt, startedAt, outcome, random01: 0.5 });
    assert.equal(driver.requestToken(), 't1.login');
    assert.equal(driver.state.failureStreak, null);
  });

  it('persists each token', () => {
    driver.startWithCredential();
    driver.passTime(11 * hour);
    driver.succeed();
    assert.deepEqual(
      driver.effectsOfKind('persist').map(({ token }) => token.value.expose()),
      ['t1.1', 't1.2'],
    );
  });

  it('announces each token that expires later than the last', () => {
    driver.startWithCredential();
    driver.passTime(11 * hour);
    driver.succeed();
    assert.deepEqual(
      driver.effectsOfKind('announce').map(({ event }) => event),
      ['rotated', 'rotated'],
    );
  });
});
