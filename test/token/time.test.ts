import assert from 'node:assert/strict';
import type { Instant } from '../../src/shared/clock.ts';
import { afterJump, anchored, firstSense, refuted, restored, trueTimeMs } from '../../src/token/time.ts';
import { hour, minute, second, year } from '../support/durations.ts';

const noonMs = Date.UTC(2026, 10, 24, 12);
const noon: Instant = { wallMs: noonMs, monotonicMs: hour };

function later(from: Instant, { wallMs = 0, monotonicMs = 0 }: Partial<Instant>): Instant {
  return { wallMs: from.wallMs + wallMs, monotonicMs: from.monotonicMs + monotonicMs };
}

describe('time', () => {
  it('is the local clock while that agrees with IAM to within a minute', () => {
    const sense = anchored(firstSense(noon), noonMs - minute, noon, noon);
    assert.equal(sense.offsetMs, 0);
    assert.equal(trueTimeMs(sense, noon), noonMs);
  });

  it('is IAM’s where the local clock is off by more than a minute, in either direction', () => {
    for (const errorMs of [minute + 1, hour, 3 * year]) {
      for (const offsetMs of [errorMs, -errorMs]) {
        const sense = anchored(firstSense(noon), noonMs + offsetMs, noon, noon);
        assert.equal(sense.offsetMs, offsetMs);
        assert.equal(
          trueTimeMs(sense, later(noon, { wallMs: hour, monotonicMs: hour })),
          noonMs + offsetMs + hour,
        );
      }
    }
  });

  it('is never behind what IAM said, not even by the minute of tolerance', () => {
    const sense = anchored(firstSense(noon), noonMs + 59 * second, noon, noon);
    assert.equal(sense.offsetMs, 0);
    const afterAnHour = later(noon, { wallMs: hour, monotonicMs: hour });
    assert.equal(trueTimeMs(sense, afterAnHour), noonMs + hour + 59 * second);
  });

  it('never runs slower than the monotonic clock, though the wall clock is set back by years', () => {
    for (const first of [firstSense(noon), anchored(firstSense(noon), undefined, noon, noon)]) {
      const setBack = later(noon, { wallMs: -20 * year, monotonicMs: hour });
      assert.equal(trueTimeMs(first, setBack), noonMs + hour);
      const noticed = afterJump(first, setBack);
      assert.equal(noticed.offsetMs, 20 * year + hour);
      assert.equal(
        trueTimeMs(noticed, later(setBack, { wallMs: 5 * hour, monotonicMs: hour })),
        noonMs + 6 * hour,
        'and sleep is counted afterwards',
      );
    }
  });

  it('takes a wall clock that runs ahead for sleep', () => {
    const asleep = later(noon, { wallMs: 8 * hour });
    const sense = afterJump(firstSense(noon), asleep);
    assert.equal(sense.offsetMs, 0);
    assert.equal(trueTimeMs(sense, asleep), noonMs + 8 * hour);
  });

  it('counts a jump once, though IAM was heard before the jump was noticed', () => {
    const setBack = later(noon, { wallMs: -3 * hour });
    const heard = anchored(firstSense(noon), noonMs, setBack, setBack);
    assert.equal(afterJump(heard, setBack).offsetMs, 3 * hour);
  });

  it('forgets an offset when the clock was put right by the same amount', () => {
    const sense = anchored(firstSense(noon), noonMs - year, noon, noon);
    const right = later(noon, { wallMs: -year });
    assert.equal(afterJump(sense, right).offsetMs, 0);
    assert.equal(trueTimeMs(afterJump(sense, right), right), noonMs - year);
  });

  it('takes an answer that came late for as old as it may be: the machine may have slept on it', () => {
    for (const slept of [
      { wallMs: 8 * hour, monotonicMs: second },
      { wallMs: 8 * hour, monotonicMs: 8 * hour },
    ]) {
      const now = later(noon, slept);
      const sense = anchored(firstSense(noon), noonMs, noon, now);
      assert.equal(sense.offsetMs, 0);
      assert.equal(trueTimeMs(sense, now), noonMs + 8 * hour);
    }
  });

  it('asks the local clock anew when a login gives a token that ended long ago', () => {
    const ahead = firstSense(later(noon, { wallMs: year }));
    const sense = afterJump(ahead, noon);
    assert.equal(trueTimeMs(sense, noon), noonMs + year, 'the clock was ahead, and was put right');
    assert.equal(trueTimeMs(refuted(sense, noonMs + hour, noon), noon), noonMs);
    assert.equal(refuted(sense, noonMs + year - minute, noon), sense, 'a minute proves nothing');
  });

  it('keeps an offset across a restart only where that shortens a token’s life', () => {
    assert.equal(trueTimeMs(restored(firstSense(noon), hour, noon), noon), noonMs + hour);
    assert.equal(trueTimeMs(restored(firstSense(noon), -hour, noon), noon), noonMs);
    assert.equal(
      trueTimeMs(restored(firstSense(noon), 20 * year, noon), noon),
      noonMs,
      'a clock that starts in 1970 at each boot',
    );
  });
});
