import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import { hour, minute } from '../support/time/durations.ts';
import { LifecycleDriver } from '../support/daemon/lifecycle-driver.ts';

const loggedOutProblem = {
  code: 'login_required',
  message: 'no credential',
  hint: 'iam-token login',
} as const;

describe('lifecycle: the credential', () => {
  let driver: LifecycleDriver;
  beforeEach(() => {
    driver = new LifecycleDriver();
    driver.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
  });

  it('rejects every request if it is missing', () => {
    const pending = driver.request();
    driver.send({ kind: 'credential_missing', problem: loggedOutProblem });
    assert.deepEqual(driver.outcome(pending), { code: 'login_required', problem: loggedOutProblem });
    assert.equal(driver.requestToken(), 'login_required');
    assert.deepEqual(driver.outcome(driver.refresh()), { code: 'login_required', problem: loggedOutProblem });
    assert.equal(driver.exchanges, 0);
  });

  it('cancels the exchange and rejects the waiting requests when it is removed, and announces login_required', () => {
    driver.loadCredential();
    const pending = driver.request();
    driver.send({ kind: 'credential_missing', problem: loggedOutProblem });
    assert.equal(driver.effectsOfKind('cancel_exchange').length, 1);
    assert.ok('problem' in driver.outcome(pending));
    assert.equal(driver.effectsOfKind('announce').at(-1)?.event, 'login_required');
    driver.passTime(48 * hour);
    assert.equal(driver.exchanges, 1);
  });

  it('cancels the exchange when it is loaded again, and keeps the waiting requests', () => {
    driver.loadCredential();
    const pending = driver.request();
    driver.loadCredential();
    assert.equal(driver.effectsOfKind('cancel_exchange').length, 1);
    driver.send({ kind: 'loading' });
    driver.loadCredential();
    assert.equal(driver.effectsOfKind('cancel_exchange').length, 2);
    driver.succeed();
    assert.ok('token' in driver.outcome(pending));
  });

  it('cancels the exchange in progress after a login, and resolves the waiting requests', () => {
    driver.loadCredential();
    const pending = [driver.request(), driver.refresh()];
    driver.logIn({ value: new Secret('t1.login') });
    assert.equal(driver.effectsOfKind('cancel_exchange').length, 1);
    for (const requestId of pending) assert.deepEqual(driver.outcome(requestId), { token: 't1.login' });
  });

  it('replaces the token of another account after a login, even if that expires later', () => {
    driver.startWithCredential();
    driver.logIn({ value: new Secret('t1.login'), expiresAtMs: driver.serverMs + hour });
    assert.equal(driver.requestToken(), 't1.login');
    assert.equal(driver.effectsOfKind('persist').at(-1)?.token.value.expose(), 't1.login');
  });

  it('is exchanged on schedule after a login, also after a logout', () => {
    driver.startWithCredential();
    driver.send({ kind: 'credential_missing', problem: loggedOutProblem });
    driver.logIn();
    driver.passTime(hour);
    assert.ok(driver.isExchanging);
  });

  it('is exchanged again if the login brought an expired token', () => {
    driver.send({ kind: 'credential_missing', problem: loggedOutProblem });
    driver.logIn({ expiresAtMs: driver.serverMs });
    assert.equal(driver.requestToken(), 'unavailable');
    driver.passTime(minute);
    assert.ok(driver.isExchanging);
  });

  it('has no schedule if it is missing, even if a plan arrives late', () => {
    driver.send({ kind: 'credential_missing', problem: loggedOutProblem });
    driver.send({ kind: 'schedule_planned', atMs: driver.now.wallMs + minute });
    const effectsBefore = driver.effects.length;
    driver.passTime(hour);
    assert.equal(driver.effects.length, effectsBefore);
  });

  it('does not change the clock estimate when it is loaded after a correction by IAM', () => {
    driver.startWithClockError(-3 * hour);
    driver.startWithCredential();
    driver.send({ kind: 'loading' });
    driver.loadCredential();
    assert.equal(driver.state.clockEstimate.offsetMs, 3 * hour);
  });

  it('is not used after a stop, which rejects the waiting requests and cancels the exchange', () => {
    driver.loadCredential();
    const pending = [driver.request(), driver.refresh(), driver.request(hour)];
    driver.send({ kind: 'stopping' });
    for (const requestId of pending) {
      const reply = driver.outcome(requestId);
      assert.ok('problem' in reply);
      assert.equal(reply.code, 'unavailable');
    }
    assert.equal(driver.effectsOfKind('cancel_exchange').length, 1);
    const { value: token } = driver.exchanged();
    driver.loadCredential({
      value: token,
      subject: null,
      expiresAtMs: driver.serverMs + hour,
      receivedAtMs: driver.serverMs,
    });
    driver.logIn();
    driver.suspend(48 * hour);
    driver.passTime(48 * hour);
    assert.equal(driver.requestToken(), 'unavailable');
    assert.equal(driver.exchanges, 1);
  });
});
