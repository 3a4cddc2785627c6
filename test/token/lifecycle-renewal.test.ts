import assert from 'node:assert/strict';
import { Secret } from '../../src/shared/secret.ts';
import type { ExchangeOutcome } from '../../src/token/ports.ts';
import { hour, minute, second, year } from '../support/durations.ts';
import { LifecycleDriver } from '../support/lifecycle-driver.ts';

describe('lifecycle: renewal', () => {
  let life: LifecycleDriver;
  beforeEach(() => {
    life = new LifecycleDriver();
  });

  /** Lives on while IAM answers each exchange at once. */
  function liveWith(ms: number, answer: () => void): void {
    for (let passed = 0; passed < ms; passed += second) {
      life.pass(second);
      if (life.isExchanging) answer();
    }
  }

  it('comes with the schedule, though the token is fresh', () => {
    life.schedule = (afterMs) => (Math.floor(afterMs / hour) + 1) * hour;
    life.start();
    liveWith(5 * hour, () => life.succeed());
    assert.equal(life.exchanges, 6);
  });

  it('comes at a tenth of the life left where the schedule leaves a gap', () => {
    life.schedule = (afterMs) => afterMs + 48 * hour;
    life.start();
    life.pass(10 * hour + 48 * minute - 1);
    assert.equal(life.exchanges, 1);
    life.pass(1);
    assert.equal(life.exchanges, 2);
  });

  it('comes at a tenth of the life left without any schedule', () => {
    life.start();
    liveWith(30 * hour, () => life.succeed());
    assert.equal(life.exchanges, 3);
    assert.notEqual(life.served(), 'unavailable');
  });

  it('comes before the token counts as expired, though it lives for 5 minutes only', () => {
    const answer = (): void => life.succeed({ expiresAtMs: life.trueMs + 5 * minute });
    life.find();
    answer();
    liveWith(30 * minute, () => {
      assert.notEqual(life.served(), 'unavailable');
      answer();
    });
    assert.ok(life.exchanges <= 9);
  });

  it('takes the same token again for a success, by its expiry and not by its string', () => {
    life.schedule = (afterMs) => afterMs + hour;
    const expiresAtMs = life.trueMs + 12 * hour;
    life.start({ expiresAtMs });
    life.pass(hour);
    life.succeed({ token: new Secret('t1.1'), expiresAtMs });
    assert.equal(life.state.trouble, null);
    assert.equal(life.all('announce').length, 1, 'nothing rotated');
    assert.equal(life.served(), 't1.1');
  });

  it('does not storm a service that gives the same token until it ends', () => {
    let expiresAtMs = life.trueMs + 12 * hour;
    const answer = (): void => {
      if (life.trueMs >= expiresAtMs) expiresAtMs = life.trueMs + 12 * hour;
      life.succeed({ expiresAtMs });
    };
    life.find();
    answer();
    liveWith(12 * hour + 5 * minute, answer);
    assert.ok(life.exchanges < 20, `${life.exchanges} exchanges`);
    assert.notEqual(life.served(), 'unavailable');
  });

  it('keeps the newer token when an answer brings one that ends sooner, and does not ask again at once', () => {
    life.start();
    life.pass(11 * hour);
    const older = (): void =>
      life.succeed({ token: new Secret('t1.old'), expiresAtMs: life.trueMs + 30 * minute });
    older();
    liveWith(minute, older);
    assert.equal(life.served(), 't1.1');
    assert.equal(life.exchanges, 2);
  });

  it('takes a token that is dead on arrival for trouble, and keeps the one in hand', () => {
    life.start();
    life.refresh();
    life.succeed({ expiresAtMs: life.trueMs - hour });
    assert.equal(life.state.phase.kind, 'backing_off');
    assert.match(life.state.trouble?.failure.message ?? '', /expired already/);
    assert.equal(life.served(), 't1.1');
  });

  it('backs off from a service that gives dead tokens only', () => {
    const dead = (): void => life.succeed({ expiresAtMs: life.trueMs + minute });
    life.find();
    const asked = life.ask();
    dead();
    const reply = life.reply(asked);
    assert.ok('problem' in reply);
    assert.match(reply.problem.message, /lives for 60 s only/);
    liveWith(hour, dead);
    assert.ok(life.exchanges < 40, `${life.exchanges} exchanges`);
  });

  it('is not put off by a token that says it lives for a hundred years', () => {
    life.start({ expiresAtMs: life.trueMs + 100 * year });
    life.pass(hour);
    life.refresh();
    life.succeed({ token: new Secret('t1.next') });
    life.pass(12 * hour);
    life.succeed({ token: new Secret('t1.real') });
    assert.equal(life.served(), 't1.real');
  });

  it('ignores the answer of an exchange that is not under way any more', () => {
    life.find();
    const { attempt } = life.all('start_exchange')[0] ?? { attempt: 0 };
    life.logIn({ token: new Secret('t1.login') });
    const late = life.exchanged({ token: new Secret('t1.late'), expiresAtMs: life.trueMs + 13 * hour });
    const outcomes: readonly ExchangeOutcome[] = [
      { ok: true, exchanged: late },
      { ok: false, failure: { kind: 'terminal', message: 'no' } },
    ];
    for (const outcome of outcomes) life.send({ kind: 'exchange_ended', attempt, outcome, random01: 0.5 });
    assert.equal(life.served(), 't1.login');
    assert.equal(life.state.trouble, null);
  });

  it('keeps each token for a restart', () => {
    life.start();
    life.pass(11 * hour);
    life.succeed();
    assert.deepEqual(
      life.all('keep').map(({ token }) => token.value.expose()),
      ['t1.1', 't1.2'],
    );
  });

  it('announces each token that lives longer than the last', () => {
    life.start();
    life.pass(11 * hour);
    life.succeed();
    assert.deepEqual(
      life.all('announce').map(({ event }) => event),
      ['rotated', 'rotated'],
    );
  });
});
