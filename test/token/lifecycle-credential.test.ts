import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import { hour, minute } from '../support/durations.ts';
import { LifecycleDriver } from '../support/lifecycle-driver.ts';

const loggedOut = {
  code: 'login_required',
  message: 'there is no credential',
  hint: 'iam-token login',
} as const;

describe('lifecycle: the credential', () => {
  let life: LifecycleDriver;
  beforeEach(() => {
    life = new LifecycleDriver();
    life.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
  });

  it('missing, answers every request with what is missing', () => {
    const waited = life.ask();
    life.send({ kind: 'credential_missing', problem: loggedOut });
    assert.deepEqual(life.reply(waited), { code: 'login_required', problem: loggedOut });
    assert.equal(life.served(), 'login_required');
    assert.deepEqual(life.reply(life.refresh()), { code: 'login_required', problem: loggedOut });
    assert.equal(life.exchanges, 0);
  });

  it('gone in the middle of an exchange ends that, answers who waits, and announces the login', () => {
    life.find();
    const waited = life.ask();
    life.send({ kind: 'credential_missing', problem: loggedOut });
    assert.equal(life.all('cancel_exchange').length, 1);
    assert.ok('problem' in life.reply(waited));
    assert.equal(life.all('announce').at(-1)?.event, 'login_required');
    life.pass(48 * hour);
    assert.equal(life.exchanges, 1);
  });

  it('read anew in the middle of an exchange ends that before the next begins, and nobody is forgotten', () => {
    life.find();
    const waited = life.ask();
    life.find();
    assert.equal(life.all('cancel_exchange').length, 1);
    life.send({ kind: 'loading' });
    life.find();
    assert.equal(life.all('cancel_exchange').length, 2);
    life.succeed();
    assert.ok('token' in life.reply(waited));
  });

  it('of a login wins over an exchange under way, and answers who waits', () => {
    life.find();
    const waited = [life.ask(), life.refresh()];
    life.logIn({ token: new Secret('t1.login') });
    assert.equal(life.all('cancel_exchange').length, 1);
    for (const requestId of waited) assert.deepEqual(life.reply(requestId), { token: 't1.login' });
  });

  it('of a login replaces the token of another account, though that lives longer', () => {
    life.start();
    life.logIn({ token: new Secret('t1.login'), expiresAtMs: life.trueMs + hour });
    assert.equal(life.served(), 't1.login');
    assert.equal(life.all('keep').at(-1)?.token.value.expose(), 't1.login');
  });

  it('of a login is renewed by the schedule, after a logout too', () => {
    life.start();
    life.send({ kind: 'credential_missing', problem: loggedOut });
    life.logIn();
    life.pass(hour);
    assert.ok(life.isExchanging);
  });

  it('of a login that gave a dead token is in trouble, and is tried again', () => {
    life.send({ kind: 'credential_missing', problem: loggedOut });
    life.logIn({ expiresAtMs: life.trueMs });
    assert.equal(life.served(), 'unavailable');
    life.pass(minute);
    assert.ok(life.isExchanging);
  });

  it('that is missing has no schedule, though a plan comes late', () => {
    life.send({ kind: 'credential_missing', problem: loggedOut });
    life.send({ kind: 'schedule_planned', atMs: life.now.wallMs + minute });
    const before = life.effects.length;
    life.pass(hour);
    assert.equal(life.effects.length, before);
  });

  it('found while the time is known already leaves it as IAM said', () => {
    life.beginWithClock(-3 * hour);
    life.start();
    life.send({ kind: 'loading' });
    life.find();
    assert.equal(life.state.time.offsetMs, 3 * hour);
  });

  it('stopping answers everybody who waits, ends the exchange, and starts nothing any more', () => {
    life.find();
    const waited = [life.ask(), life.refresh(), life.ask(hour)];
    life.send({ kind: 'stopping' });
    for (const requestId of waited) {
      const reply = life.reply(requestId);
      assert.ok('problem' in reply);
      assert.equal(reply.code, 'unavailable');
    }
    assert.equal(life.all('cancel_exchange').length, 1);
    const { token } = life.exchanged();
    life.find({ value: token, subject: null, expiresAtMs: life.trueMs + hour, receivedAtMs: life.trueMs });
    life.logIn();
    life.sleep(48 * hour);
    life.pass(48 * hour);
    assert.equal(life.served(), 'unavailable');
    assert.equal(life.exchanges, 1);
  });
});
