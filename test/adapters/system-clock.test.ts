import assert from 'node:assert/strict';
import { createSystemClock } from '../../src/adapters/system-clock.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { cpuTimeMs } from '../support/time/cpu-time.ts';
import { type FakeTime, withFakeTime } from '../support/time/fake-time.ts';

function test(title: string, run: (clock: Clock, time: FakeTime) => void): void {
  it(title, () => withFakeTime((time) => run(createSystemClock(), time)));
}

describe('createSystemClock', () => {
  it('reads the wall clock and the monotonic clock', () => {
    const { wallMs, monotonicMs } = createSystemClock().now();
    assert.ok(Math.abs(wallMs - Date.now()) < 1_000);
    assert.ok(Math.abs(monotonicMs - Number(process.hrtime.bigint()) / 1e6) < 1_000);
  });

  test('rings an alarm once, at its time', (clock, time) => {
    let ringCount = 0;
    const alarm = clock.createAlarm(() => (ringCount += 1));
    alarm.set(clock.now().monotonicMs + 1_000);
    time.advance(999);
    assert.equal(ringCount, 0);
    time.advance(1);
    assert.equal(ringCount, 1);
    time.advance(100_000);
    assert.equal(ringCount, 1);
  });

  test('rings with a jump of 0 if the wall clock did not jump', (clock, time) => {
    const jumps: number[] = [];
    clock.createAlarm((jumpMs) => jumps.push(jumpMs)).set(clock.now().monotonicMs + 90_000);
    time.advance(200_000);
    assert.deepEqual(jumps, [0]);
  });

  test('rings at once for a time in the past', (clock, time) => {
    let ringCount = 0;
    clock.createAlarm(() => (ringCount += 1)).set(clock.now().monotonicMs - 10_000);
    time.advance(0);
    assert.equal(ringCount, 1);
  });

  test('uses the last time that an alarm was set to', (clock, time) => {
    const rings: number[] = [];
    const startMs = clock.now().monotonicMs;
    const alarm = clock.createAlarm(() => rings.push(clock.now().monotonicMs - startMs));
    alarm.set(startMs + 5_000);
    alarm.set(startMs + 2_000);
    time.advance(3_000);
    alarm.set(startMs + 4_000);
    alarm.set(startMs + 60_000);
    time.advance(100_000);
    assert.deepEqual(rings, [2_000, 60_000]);
  });

  test('does not ring after set(null) or cancel()', (clock, time) => {
    let ringCount = 0;
    const unsetAlarm = clock.createAlarm(() => (ringCount += 1));
    const cancelledAlarm = clock.createAlarm(() => (ringCount += 1));
    unsetAlarm.set(clock.now().monotonicMs + 1_000);
    cancelledAlarm.set(clock.now().monotonicMs + 1_000);
    unsetAlarm.set(null);
    cancelledAlarm.cancel();
    cancelledAlarm.set(clock.now().monotonicMs + 1_000);
    time.advance(100_000);
    assert.equal(ringCount, 0);
  });

  test('does not ring an alarm that another one cancels or moves at the same time', (clock, time) => {
    let ringCount = 0;
    const atMs = clock.now().monotonicMs + 1_000;
    const firstAlarm = clock.createAlarm(() => {
      secondAlarm.cancel();
      thirdAlarm.set(atMs + 60_000);
    });
    const secondAlarm = clock.createAlarm(() => (ringCount += 1));
    const thirdAlarm = clock.createAlarm(() => (ringCount += 1));
    for (const alarm of [firstAlarm, secondAlarm, thirdAlarm]) alarm.set(atMs);
    time.advance(2_000);
    assert.equal(ringCount, 0);
  });

  test('allows an alarm to set itself again while it rings', (clock, time) => {
    let ringCount = 0;
    const alarm = clock.createAlarm(() => {
      ringCount += 1;
      alarm.set(clock.now().monotonicMs + 10_000);
    });
    alarm.set(clock.now().monotonicMs + 10_000);
    time.advance(100_000);
    assert.equal(ringCount, 10);
  });

  test('uses at most one timer, of at most 30 s', (clock, time) => {
    let ringCount = 0;
    for (const hours of [1, 5, 12])
      clock.createAlarm(() => (ringCount += 1)).set(clock.now().monotonicMs + hours * 3_600_000);
    clock.timeoutSignal(120_000);
    clock.createAlarm(() => assert.fail('an alarm that was never set'));
    for (let minutes = 0; minutes < 12 * 60; minutes++) {
      assert.equal(time.countTimers(), 1);
      time.advance(60_000);
    }
    assert.equal(ringCount, 3);
    assert.ok(time.takeDelaysMs().every((delayMs) => delayMs >= 0 && delayMs <= 30_000));
  });

  test('uses no timer without a pending alarm', (clock, time) => {
    assert.equal(time.countTimers(), 0);
    const alarm = clock.createAlarm(() => undefined);
    alarm.set(clock.now().monotonicMs + 1_000);
    assert.equal(time.countTimers(), 1);
    alarm.cancel();
    assert.equal(time.countTimers(), 0);
  });

  for (const jumpMs of [3 * 3_600_000, 2_000, -2_000, -3 * 3_600_000]) {
    test(`rings every alarm within 30 s after the wall clock jumps by ${jumpMs} ms`, (clock, time) => {
      const jumps: (readonly [string, number])[] = [];
      const laterAlarm = clock.createAlarm((seenMs) => jumps.push(['later', seenMs]));
      laterAlarm.set(clock.now().monotonicMs + 3_600_000);
      clock.createAlarm((seenMs) => jumps.push(['never set', seenMs]));
      time.advance(45_000);
      time.jump(jumpMs);
      time.advance(30_000);
      assert.deepEqual(jumps, [
        ['later', jumpMs],
        ['never set', jumpMs],
      ]);
      time.advance(3_600_000);
      assert.deepEqual(jumps.slice(2), [['later', 0]]);
    });
  }

  test('ignores corrections of the wall clock by less than two seconds', (clock, time) => {
    clock.createAlarm(() => assert.fail('rung'));
    for (let i = 0; i < 100; i++) {
      time.jump(i % 2 === 0 ? 1_999 : -1_999);
      time.advance(30_000);
    }
  });

  test('aborts a timeout signal at its time, with a TimeoutError that names the duration', (clock, time) => {
    const signal = clock.timeoutSignal(8_000);
    time.advance(7_999);
    assert.equal(signal.aborted, false);
    time.advance(1);
    assert.equal(signal.aborted, true);
    assert.equal((signal.reason as DOMException).name, 'TimeoutError');
    assert.equal((signal.reason as DOMException).message, 'no answer within 8 s');
  });

  test('does not abort a timeout signal when the wall clock jumps', (clock, time) => {
    const signal = clock.timeoutSignal(60_000);
    time.jump(3_600_000);
    time.advance(59_999);
    assert.equal(signal.aborted, false);
    time.advance(1);
    assert.equal(signal.aborted, true);
  });

  test('uses no timer for expired timeout signals', (clock, time) => {
    clock.timeoutSignal(1_000);
    clock.timeoutSignal(2_000);
    time.advance(2_000);
    assert.equal(time.countTimers(), 0);
  });

  test('supports tens of thousands of timeout signals at once', (clock, time) => {
    const tookMs = cpuTimeMs(() => {
      const signals = Array.from({ length: 20_000 }, (_, i) => clock.timeoutSignal(60_000 + (i % 100)));
      time.advance(61_000);
      assert.ok(signals.every(({ aborted }) => aborted));
    });
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
  });

  it('aborts by a real timer that does not keep the process alive', async () => {
    const clock = createSystemClock();
    const signal = clock.timeoutSignal(20);
    await new Promise((resolve) => {
      const alive = setInterval(() => undefined, 1_000);
      signal.addEventListener('abort', () => {
        clearInterval(alive);
        resolve(undefined);
      });
    });
    assert.equal(signal.aborted, true);
  });

  it('returns random numbers from 0 to below 1', () => {
    const clock = createSystemClock();
    for (let i = 0; i < 1_000; i++) {
      const random01 = clock.random();
      assert.ok(random01 >= 0 && random01 < 1);
    }
  });
});
