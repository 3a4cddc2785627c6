import assert from 'node:assert/strict';
import type { Instant } from '../../src/shared/clock.ts';
import {
  withClockJump,
  withServerTime,
  initialClock,
  resetIfImplausible,
  withPersistedOffset,
  trueTimeMs,
} from '../../src/token/clock-estimate.ts';
import { hour, minute, second, year } from '../support/time/durations.ts';

const noonMs = Date.UTC(2026, 10, 24, 12);
const noon: Instant = { wallMs: noonMs, monotonicMs: hour };

function advance(from: Instant, { wallMs = 0, monotonicMs = 0 }: Partial<Instant>): Instant {
  return { wallMs: from.wallMs + wallMs, monotonicMs: from.monotonicMs + monotonicMs };
}

describe('the true time', () => {
  it('is the local clock’s while that differs from IAM’s by at most a minute', () => {
    const estimate = withServerTime(initialClock(noon), noonMs - minute, noon, noon);
    assert.equal(estimate.offsetMs, 0);
    assert.equal(trueTimeMs(estimate, noon), noonMs);
  });

  it('is IAM’s if the local clock is off by more than a minute, in either direction', () => {
    for (const errorMs of [minute + 1, hour, 3 * year]) {
      for (const offsetMs of [errorMs, -errorMs]) {
        const estimate = withServerTime(initialClock(noon), noonMs + offsetMs, noon, noon);
        assert.equal(estimate.offsetMs, offsetMs);
        assert.equal(
          trueTimeMs(estimate, advance(noon, { wallMs: hour, monotonicMs: hour })),
          noonMs + offsetMs + hour,
        );
      }
    }
  });

  it('is never behind IAM’s, not even within the tolerance', () => {
    const estimate = withServerTime(initialClock(noon), noonMs + 59 * second, noon, noon);
    assert.equal(estimate.offsetMs, 0);
    const afterAnHour = advance(noon, { wallMs: hour, monotonicMs: hour });
    assert.equal(trueTimeMs(estimate, afterAnHour), noonMs + hour + 59 * second);
  });

  it('never runs slower than the monotonic clock, even if the wall clock is set back by years', () => {
    for (const initialEstimate of [
      initialClock(noon),
      withServerTime(initialClock(noon), undefined, noon, noon),
    ]) {
      const setBackAt = advance(noon, { wallMs: -20 * year, monotonicMs: hour });
      assert.equal(trueTimeMs(initialEstimate, setBackAt), noonMs + hour);
      const correctedEstimate = withClockJump(initialEstimate, setBackAt);
      assert.equal(correctedEstimate.offsetMs, 20 * year + hour);
      assert.equal(
        trueTimeMs(correctedEstimate, advance(setBackAt, { wallMs: 5 * hour, monotonicMs: hour })),
        noonMs + 6 * hour,
        'sleep afterwards counts',
      );
    }
  });

  it('treats a wall clock that jumps ahead as sleep', () => {
    const wokeAt = advance(noon, { wallMs: 8 * hour });
    const estimate = withClockJump(initialClock(noon), wokeAt);
    assert.equal(estimate.offsetMs, 0);
    assert.equal(trueTimeMs(estimate, wokeAt), noonMs + 8 * hour);
  });

  it('counts a jump once, even if a server time arrives before the jump is noticed', () => {
    const setBackAt = advance(noon, { wallMs: -3 * hour });
    const estimate = withServerTime(initialClock(noon), noonMs, setBackAt, setBackAt);
    assert.equal(withClockJump(estimate, setBackAt).offsetMs, 3 * hour);
  });

  it('drops the offset when the clock is corrected by the same amount', () => {
    const estimate = withServerTime(initialClock(noon), noonMs - year, noon, noon);
    const correctedAt = advance(noon, { wallMs: -year });
    assert.equal(withClockJump(estimate, correctedAt).offsetMs, 0);
    assert.equal(trueTimeMs(withClockJump(estimate, correctedAt), correctedAt), noonMs - year);
  });

  it('uses the latest possible time for a response that took long, as the machine may have slept', () => {
    for (const elapsed of [
      { wallMs: 8 * hour, monotonicMs: second },
      { wallMs: 8 * hour, monotonicMs: 8 * hour },
    ]) {
      const now = advance(noon, elapsed);
      const estimate = withServerTime(initialClock(noon), noonMs, noon, now);
      assert.equal(estimate.offsetMs, 0);
      assert.equal(trueTimeMs(estimate, now), noonMs + 8 * hour);
    }
  });

  it('is reset to the local clock’s when a login brings a token that looks expired', () => {
    const aheadEstimate = initialClock(advance(noon, { wallMs: year }));
    const estimate = withClockJump(aheadEstimate, noon);
    assert.equal(trueTimeMs(estimate, noon), noonMs + year, 'the clock was ahead and was corrected');
    assert.equal(trueTimeMs(resetIfImplausible(estimate, noonMs + hour, noon), noon), noonMs);
    assert.equal(
      resetIfImplausible(estimate, noonMs + year - minute, noon),
      estimate,
      'within the tolerance',
    );
  });

  it('applies a persisted offset only if that shortens a token’s life', () => {
    assert.equal(trueTimeMs(withPersistedOffset(initialClock(noon), hour, noon), noon), noonMs + hour);
    assert.equal(trueTimeMs(withPersistedOffset(initialClock(noon), -hour, noon), noon), noonMs);
    assert.equal(
      trueTimeMs(withPersistedOffset(initialClock(noon), 20 * year, noon), noon),
      noonMs,
      'a clock that starts in 1970 at each boot',
    );
  });
});
