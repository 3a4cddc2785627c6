import assert from 'node:assert/strict';
import { type Attempt, budgetWaitMs, type Cause, withinTheHour } from '../../src/token/budget.ts';
import { hour, minute, second } from '../support/durations.ts';

const from = 10 * hour;

/** `count` attempts, one a second. */
function attempts(count: number, cause: Cause): readonly Attempt[] {
  return Array.from({ length: count }, (_, at) => ({
    atMonotonicMs: from + at * second,
    cause,
    succeeded: false,
  }));
}

describe('budget', () => {
  it('allows 60 exchanges an hour, and the next one when the first of them is an hour old', () => {
    const now = from + 5 * minute;
    assert.equal(budgetWaitMs(attempts(59, 'due'), 'due', now), 0);
    assert.equal(budgetWaitMs(attempts(60, 'due'), 'due', now), 55 * minute);
    assert.equal(budgetWaitMs(attempts(60, 'due'), 'due', from + hour), 0);
    assert.equal(budgetWaitMs(attempts(60, 'due'), 'due', from + hour - 1), 1);
  });

  it('lets requests cause 30 of them, so that the daemon can still retry by itself', () => {
    const now = from + 5 * minute;
    assert.equal(budgetWaitMs(attempts(29, 'request'), 'request', now), 0);
    assert.equal(budgetWaitMs(attempts(30, 'request'), 'request', now), 55 * minute);
    assert.equal(budgetWaitMs(attempts(30, 'request'), 'due', now), 0);
    assert.equal(budgetWaitMs(attempts(30, 'request'), 'min_ttl', now), 55 * minute);
  });

  it('lets a minTtl cause 6 of them, at most one a minute', () => {
    const asked = attempts(6, 'min_ttl');
    assert.equal(budgetWaitMs(asked.slice(0, 1), 'min_ttl', from + 59 * second), second);
    assert.equal(budgetWaitMs(asked.slice(0, 5), 'min_ttl', from + 5 * minute), 0);
    assert.equal(budgetWaitMs(asked, 'min_ttl', from + 5 * minute), 55 * minute);
    assert.equal(budgetWaitMs(asked, 'request', from + 5 * minute), 0);
  });

  it('never holds a person back, nor counts what a person asked for', () => {
    const now = from + 5 * minute;
    assert.equal(budgetWaitMs(attempts(60, 'due'), 'person', now), 0);
    assert.equal(budgetWaitMs(attempts(200, 'person'), 'due', now), 0);
  });

  it('forgets what is over an hour old', () => {
    assert.equal(withinTheHour(attempts(3, 'due'), from + hour).length, 2);
    assert.equal(withinTheHour(attempts(3, 'due'), from + 2 * hour).length, 0);
  });
});
