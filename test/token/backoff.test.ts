import assert from 'node:assert/strict';
import { backoffMs, clampRetryAfterMs } from '../../src/token/backoff.ts';
import { hour, minute, second } from '../support/time/durations.ts';

describe('backoff', () => {
  const almostOne = 1 - Number.EPSILON;

  it('grows exponentially from one second to its ceiling, in four failures', () => {
    const seconds = (timeLeftMs: number): readonly number[] =>
      [1, 2, 3, 4, 5].map((failures) => Math.round(backoffMs(failures, timeLeftMs, almostOne) / second));
    assert.deepEqual(seconds(0), [1, 7, 45, 300, 300]);
    assert.deepEqual(seconds(12 * hour), [1, 12, 148, 1_800, 1_800]);
  });

  it('has full jitter, from 0 to its ceiling', () => {
    assert.equal(backoffMs(4, 0, 0), 0);
    assert.equal(backoffMs(3, 0, 0.25), backoffMs(3, 0, 0.5) / 2);
  });

  it('has a ceiling of a twentieth of the time left, at least 5 and at most 30 minutes', () => {
    const ceilings = [-hour, 0, hour, 4 * hour, 10 * hour, 12 * hour].map((timeLeftMs) =>
      backoffMs(1_000, timeLeftMs, 0.5),
    );
    assert.deepEqual(
      ceilings.map((ms) => (ms * 2) / minute),
      [5, 5, 5, 12, 30, 30],
    );
  });

  it('limits a Retry-After to one hour, and ignores one in the past', () => {
    assert.equal(clampRetryAfterMs(90 * second), 90 * second);
    assert.equal(clampRetryAfterMs(1e12), hour);
    assert.equal(clampRetryAfterMs(-1), 0);
    assert.equal(clampRetryAfterMs(undefined), 0);
  });
});
