import assert from 'node:assert/strict';
import { scheduleMemoryTrimming } from '../../src/daemon/memory-trimming.ts';
import { createTestClock } from '../support/time/test-clock.ts';

describe('scheduleMemoryTrimming', () => {
  it('returns free memory 10 s after the last work, once', () => {
    const clock = createTestClock();
    const trims: number[] = [];
    const trimLater = scheduleMemoryTrimming(clock, () => trims.push(clock.now().monotonicMs));
    clock.advance(60_000);
    trimLater();
    clock.advance(9_000);
    trimLater();
    clock.advance(60_000);
    assert.deepEqual(trims, [79_000]);
  });
});
