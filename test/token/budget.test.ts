import assert from 'node:assert/strict';
import { type Attempt, budgetWaitMs, type ExchangeTrigger, filterLastHour } from '../../src/token/budget.ts';
import { hour, minute, second } from '../support/time/durations.ts';

const startMs = 10 * hour;

/** `count` attempts, one per second. */
function attempts(count: number, trigger: ExchangeTrigger): readonly Attempt[] {
  return Array.from({ length: count }, (_, index) => ({
    atMonotonicMs: startMs + index * second,
    trigger,
    isSuccess: false,
  }));
}

describe('budget', () => {
  it('allows 60 exchanges an hour, and the next once the first is an hour old', () => {
    const now = startMs + 5 * minute;
    assert.equal(budgetWaitMs(attempts(59, 'renewal'), 'renewal', now), 0);
    assert.equal(budgetWaitMs(attempts(60, 'renewal'), 'renewal', now), 55 * minute);
    assert.equal(budgetWaitMs(attempts(60, 'renewal'), 'renewal', startMs + hour), 0);
    assert.equal(budgetWaitMs(attempts(60, 'renewal'), 'renewal', startMs + hour - 1), 1);
  });

  it('allows requests 30 of them, which leaves 30 for retries', () => {
    const now = startMs + 5 * minute;
    assert.equal(budgetWaitMs(attempts(29, 'request'), 'request', now), 0);
    assert.equal(budgetWaitMs(attempts(30, 'request'), 'request', now), 55 * minute);
    assert.equal(budgetWaitMs(attempts(30, 'request'), 'renewal', now), 0);
    assert.equal(budgetWaitMs(attempts(30, 'request'), 'min_ttl', now), 55 * minute);
  });

  it('allows requests with a minTtl 6 of them, at most one per minute', () => {
    const minTtlAttempts = attempts(6, 'min_ttl');
    assert.equal(budgetWaitMs(minTtlAttempts.slice(0, 1), 'min_ttl', startMs + 59 * second), second);
    assert.equal(budgetWaitMs(minTtlAttempts.slice(0, 5), 'min_ttl', startMs + 5 * minute), 0);
    assert.equal(budgetWaitMs(minTtlAttempts, 'min_ttl', startMs + 5 * minute), 55 * minute);
    assert.equal(budgetWaitMs(minTtlAttempts, 'request', startMs + 5 * minute), 0);
  });

  it('neither limits nor counts exchanges for the user', () => {
    const now = startMs + 5 * minute;
    assert.equal(budgetWaitMs(attempts(60, 'renewal'), 'user', now), 0);
    assert.equal(budgetWaitMs(attempts(200, 'user'), 'renewal', now), 0);
  });

  it('ignores attempts that are over an hour old', () => {
    assert.equal(filterLastHour(attempts(3, 'renewal'), startMs + hour).length, 2);
    assert.equal(filterLastHour(attempts(3, 'renewal'), startMs + 2 * hour).length, 0);
  });
});
