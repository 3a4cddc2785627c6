import assert from 'node:assert/strict';
import { backoffMs, honouredRetryAfterMs } from '../../src/token/backoff.ts';
import { hour, minute, second } from '../support/durations.ts';

describe('backoff', () => {
  const almostOne = 1 - Number.EPSILON;

  it('grows from one second to its ceiling in four failures, each as many times the last', () => {
    const seconds = (lifeLeftMs: number): readonly number[] =>
      [1, 2, 3, 4, 5].map((failures) => Math.round(backoffMs(failures, lifeLeftMs, almostOne) / second));
    assert.deepEqual(seconds(0), [1, 7, 45, 300, 300]);
    assert.deepEqual(seconds(12 * hour), [1, 12, 148, 1_800, 1_800]);
  });

  it('has full jitter: anything from nothing to its ceiling', () => {
    assert.equal(backoffMs(4, 0, 0), 0);
    assert.equal(backoffMs(3, 0, 0.25), backoffMs(3, 0, 0.5) / 2);
  });

  it('is at most a twentieth of the life left, but never less than 5 and never more than 30 minutes', () => {
    const ceilings = [-hour, 0, hour, 4 * hour, 10 * hour, 12 * hour].map((lifeLeftMs) =>
      backoffMs(1_000, lifeLeftMs, 0.5),
    );
    assert.deepEqual(
      ceilings.map((ms) => (ms * 2) / minute),
      [5, 5, 5, 12, 30, 30],
    );
  });

  it('obeys a Retry-After up to one hour, and none that lies in the past', () => {
    assert.equal(honouredRetryAfterMs(90 * second), 90 * second);
    assert.equal(honouredRetryAfterMs(1e12), hour);
    assert.equal(honouredRetryAfterMs(-1), 0);
    assert.equal(honouredRetryAfterMs(undefined), 0);
  });
});
