import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import { hour, minute, second } from '../support/durations.ts';
import { LifecycleDriver } from '../support/lifecycle-driver.ts';

describe('lifecycle: serving', () => {
  let life: LifecycleDriver;
  beforeEach(() => {
    life = new LifecycleDriver();
  });

  it('serves a fresh token at once, without an exchange', () => {
    life.start();
    life.pass(hour);
    assert.equal(life.served(), 't1.1');
    assert.equal(life.exchanges, 1);
  });

  it('serves a stale token at once, and renews behind', () => {
    life.start();
    life.pass(10 * hour + 48 * minute);
    assert.ok(life.isExchanging);
    assert.equal(life.served(), 't1.1');
    assert.equal(life.exchanges, 2);
  });

  it('lets everybody who asks without a living token wait for one exchange', () => {
    life.find();
    const asked = Array.from({ length: 1_000 }, () => life.ask());
    assert.equal(life.replies.size, 0);
    life.succeed();
    assert.ok(asked.every((requestId) => 'token' in life.reply(requestId)));
    assert.equal(life.exchanges, 1);
  });

  it('serves nothing in the last minute of a token, and never an expired one', () => {
    life.start({ expiresAtMs: life.trueMs + hour });
    life.pass(54 * minute);
    life.fail({ retryAfterMs: hour });
    life.pass(5 * minute - 1);
    assert.equal(life.served(), 't1.1');
    life.pass(1);
    assert.equal(life.served(), 'unavailable');
    life.pass(hour);
    assert.ok(life.isExchanging);
    life.fail();
    assert.equal(life.served(), 'unavailable');
  });

  it('answers everybody who waits when the exchange fails, each with what to do', () => {
    life.find();
    const asked = [life.ask(), life.ask(hour), life.refresh()];
    life.fail({ message: 'IAM is down', hint: 'wait' });
    for (const requestId of asked) {
      const reply = life.reply(requestId);
      assert.ok('problem' in reply);
      assert.equal(reply.problem.message, 'IAM is down');
      assert.equal(reply.problem.hint, 'wait');
      assert.ok((reply.problem.retryAfterMs ?? 0) > 0);
    }
  });

  it('forgets a request that is gone', () => {
    life.find();
    const [gone, stays] = [life.ask(), life.ask()];
    life.send({ kind: 'request_gone', requestId: gone });
    life.succeed();
    assert.ok(!life.replies.has(gone));
    assert.ok(life.replies.has(stays));
  });

  it('lets requests wait while the store is read, and answers them from the kept token', () => {
    life.start();
    const kept = life.all('keep').at(-1)?.token ?? null;
    const next = new LifecycleDriver();
    const [asked, refreshed] = [next.ask(), next.refresh()];
    next.find(kept);
    assert.deepEqual(next.reply(asked), { token: 't1.1' });
    assert.ok(!next.replies.has(refreshed));
    next.succeed();
    assert.ok('token' in next.reply(refreshed));
  });

  describe('with a minTtl', () => {
    it('serves the token in hand when that lives long enough', () => {
      life.start();
      assert.equal(life.served(12 * hour), 't1.1');
      assert.equal(life.exchanges, 1);
    });

    it('waits for one exchange, shared by all, when the token in hand is too short', () => {
      life.start();
      life.pass(2 * hour);
      const asked = Array.from({ length: 100 }, () => life.ask(11 * hour));
      life.succeed();
      for (const requestId of asked) assert.deepEqual(life.reply(requestId), { token: 't1.2' });
      assert.equal(life.exchanges, 2);
    });

    it('says how long the token lives when the renewed one does not reach it either', () => {
      life.start({ expiresAtMs: life.trueMs + hour });
      const asked = life.ask(2 * hour);
      life.succeed({ expiresAtMs: life.trueMs + hour });
      const reply = life.reply(asked);
      assert.ok('problem' in reply);
      assert.equal(reply.code, 'unavailable');
      assert.match(reply.problem.message, /lives for 3600 s more, less than the 7200 s asked for/);
      assert.equal(reply.problem.retryAfterMs, minute);
    });

    it('asks IAM at most once a minute and 6 times an hour, though asked a thousand times', () => {
      life.start({ expiresAtMs: life.trueMs + hour });
      const starts: number[] = [];
      for (let asked = 0; asked < 1_000; asked += 1) {
        life.ask(12 * hour);
        if (life.isExchanging) {
          starts.push(life.monotonicMs);
          life.succeed({ expiresAtMs: life.trueMs + hour });
        }
        life.pass(3 * second);
      }
      assert.equal(starts.length, 6);
      assert.ok(starts.slice(1).every((at, before) => at - (starts[before] ?? 0) >= minute));
    });

    it('serves the token in hand to others, whatever becomes of the renewal', () => {
      life.start();
      life.pass(hour);
      const asked = life.ask(12 * hour);
      assert.equal(life.served(), 't1.1');
      life.fail();
      assert.equal(life.served(), 't1.1');
      assert.ok('problem' in life.reply(asked));
    });
  });

  it('lets a refresh join the exchange under way, and tells it the outcome', () => {
    life.start();
    const first = life.refresh();
    const second = life.refresh();
    life.succeed({ token: new Secret('t1.new') });
    assert.deepEqual([life.reply(first), life.reply(second)], [{ token: 't1.new' }, { token: 't1.new' }]);
    assert.equal(life.exchanges, 2);
    assert.equal(life.all('start_exchange').at(-1)?.interactive, true);
  });

  it('tells a refresh that failed, though a living token is in hand', () => {
    life.start();
    const asked = life.refresh();
    life.fail();
    assert.ok('problem' in life.reply(asked));
    assert.equal(life.served(), 't1.1');
  });
});
