import assert from 'node:assert/strict';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { cpuTimeMs } from '../support/cpu-time.ts';
import { type FakeTime, withFakeTime } from '../support/fake-time.ts';

function test(what: string, run: (clock: Clock, time: FakeTime) => void): void {
  it(what, () => withFakeTime((time) => run(systemClock(), time)));
}

describe('the system clock', () => {
  it('reads both clocks', () => {
    const { wallMs, monotonicMs } = systemClock().now();
    assert.ok(Math.abs(wallMs - Date.now()) < 1_000);
    assert.ok(Math.abs(monotonicMs - performance.now()) < 1_000);
  });

  test('rings an alarm once, when it is due and not before', (clock, time) => {
    let rung = 0;
    const alarm = clock.alarm(() => (rung += 1));
    alarm.set(clock.now().monotonicMs + 1_000);
    time.advance(999);
    assert.equal(rung, 0);
    time.advance(1);
    assert.equal(rung, 1);
    time.advance(100_000);
    assert.equal(rung, 1);
  });

  test('rings with no jump where there was none', (clock, time) => {
    const jumps: number[] = [];
    clock.alarm((jumpMs) => jumps.push(jumpMs)).set(clock.now().monotonicMs + 90_000);
    time.advance(200_000);
    assert.deepEqual(jumps, [0]);
  });

  test('rings at once for a time that is over', (clock, time) => {
    let rung = 0;
    clock.alarm(() => (rung += 1)).set(clock.now().monotonicMs - 10_000);
    time.advance(0);
    assert.equal(rung, 1);
  });

  test('goes by the last time that an alarm was set to', (clock, time) => {
    const rings: number[] = [];
    const startMs = clock.now().monotonicMs;
    const alarm = clock.alarm(() => rings.push(clock.now().monotonicMs - startMs));
    alarm.set(startMs + 5_000);
    alarm.set(startMs + 2_000);
    time.advance(3_000);
    alarm.set(startMs + 4_000);
    alarm.set(startMs + 60_000);
    time.advance(100_000);
    assert.deepEqual(rings, [2_000, 60_000]);
  });

  test('is silent after null, and after cancel', (clock, time) => {
    let rung = 0;
    const silenced = clock.alarm(() => (rung += 1));
    const cancelled = clock.alarm(() => (rung += 1));
    silenced.set(clock.now().monotonicMs + 1_000);
    cancelled.set(clock.now().monotonicMs + 1_000);
    silenced.set(null);
    cancelled.cancel();
    cancelled.set(clock.now().monotonicMs + 1_000);
    time.advance(100_000);
    assert.equal(rung, 0);
  });

  test('does not ring an alarm that another one cancelled or moved in the same moment', (clock, time) => {
    let rung = 0;
    const atMs = clock.now().monotonicMs + 1_000;
    const first = clock.alarm(() => {
      second.cancel();
      third.set(atMs + 60_000);
    });
    const second = clock.alarm(() => (rung += 1));
    const third = clock.alarm(() => (rung += 1));
    for (const alarm of [first, second, third]) alarm.set(atMs);
    time.advance(2_000);
    assert.equal(rung, 0);
  });

  test('lets an alarm set itself again as it rings', (clock, time) => {
    let rung = 0;
    const alarm = clock.alarm(() => {
      rung += 1;
      alarm.set(clock.now().monotonicMs + 10_000);
    });
    alarm.set(clock.now().monotonicMs + 10_000);
    time.advance(100_000);
    assert.equal(rung, 10);
  });

  test('never has more than one timer, and none longer than 30 s', (clock, time) => {
    let rung = 0;
    for (const hours of [1, 5, 12])
      clock.alarm(() => (rung += 1)).set(clock.now().monotonicMs + hours * 3_600_000);
    clock.deadline(120_000);
    clock.alarm(() => assert.fail('an alarm that was never set'));
    for (let minutes = 0; minutes < 12 * 60; minutes++) {
      assert.equal(time.timers(), 1);
      time.advance(60_000);
    }
    assert.equal(rung, 3);
    assert.ok(time.delaysMs().every((delayMs) => delayMs >= 0 && delayMs <= 30_000));
  });

  test('has no timer when nobody wants to be woken', (clock, time) => {
    assert.equal(time.timers(), 0);
    const alarm = clock.alarm(() => undefined);
    alarm.set(clock.now().monotonicMs + 1_000);
    assert.equal(time.timers(), 1);
    alarm.cancel();
    assert.equal(time.timers(), 0);
  });

  for (const jumpMs of [3 * 3_600_000, 2_000, -2_000, -3 * 3_600_000]) {
    test(`rings every alarm within 30 s after the wall clock jumped by ${jumpMs} ms`, (clock, time) => {
      const jumps: (readonly [string, number])[] = [];
      const later = clock.alarm((seenMs) => jumps.push(['later', seenMs]));
      later.set(clock.now().monotonicMs + 3_600_000);
      clock.alarm((seenMs) => jumps.push(['never set', seenMs]));
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

  test('says nothing of a wall clock that is put right by less than two seconds', (clock, time) => {
    clock.alarm(() => assert.fail('rung'));
    for (let i = 0; i < 100; i++) {
      time.jump(i % 2 === 0 ? 1_999 : -1_999);
      time.advance(30_000);
    }
  });

  test('aborts a deadline when its time is over, with a TimeoutError that says how long that was', (clock, time) => {
    const signal = clock.deadline(8_000);
    time.advance(7_999);
    assert.equal(signal.aborted, false);
    time.advance(1);
    assert.equal(signal.aborted, true);
    assert.equal((signal.reason as DOMException).name, 'TimeoutError');
    assert.equal((signal.reason as DOMException).message, 'no answer within 8 s');
  });

  test('does not take a jump of the wall clock for the end of a deadline', (clock, time) => {
    const signal = clock.deadline(60_000);
    time.jump(3_600_000);
    time.advance(59_999);
    assert.equal(signal.aborted, false);
    time.advance(1);
    assert.equal(signal.aborted, true);
  });

  test('keeps no timer for deadlines that are over', (clock, time) => {
    clock.deadline(1_000);
    clock.deadline(2_000);
    time.advance(2_000);
    assert.equal(time.timers(), 0);
  });

  test('takes tens of thousands of deadlines at once', (clock, time) => {
    const tookMs = cpuTimeMs(() => {
      const signals = Array.from({ length: 20_000 }, (_, i) => clock.deadline(60_000 + (i % 100)));
      time.advance(61_000);
      assert.ok(signals.every(({ aborted }) => aborted));
    });
    assert.ok(tookMs < 5_000, `${tookMs} ms`);
  });

  it('wakes by a real timer, which keeps no process alive', async () => {
    const clock = systemClock();
    const signal = clock.deadline(20);
    await new Promise((resolve) => {
      const alive = setInterval(() => undefined, 1_000);
      signal.addEventListener('abort', () => {
        clearInterval(alive);
        resolve(undefined);
      });
    });
    assert.equal(signal.aborted, true);
  });

  it('gives random numbers from 0 to below 1', () => {
    const clock = systemClock();
    for (let i = 0; i < 1_000; i++) {
      const random01 = clock.random();
      assert.ok(random01 >= 0 && random01 < 1);
    }
  });
});
