import assert from 'node:assert/strict';
import { supervision } from '../../src/service/supervision.ts';
import type { ServiceStart } from '../../src/service/service-start.ts';
import { testClock } from '../support/test-clock.ts';

const start: ServiceStart = { manager: null, listenFd: 3, notifySocket: '/notify', watchdogMs: 120_000 };

describe('the supervision of the daemon', () => {
  function supervised(start: ServiceStart) {
    const clock = testClock();
    const told: string[] = [];
    const supervised = supervision(clock, start, (socket) => async (state) => {
      told.push(`${socket} ${state} at ${clock.now().monotonicMs / 1_000}`);
    });
    return { clock, told, ...supervised };
  }

  it('is told once that the daemon is ready, and then at each half of the silence that it allows', () => {
    const { clock, told, ready, stopping } = supervised(start);
    clock.advance(500_000);
    assert.deepEqual(told, []);
    ready();
    clock.advance(120_000);
    stopping();
    clock.advance(500_000);
    assert.deepEqual(told, [
      '/notify READY=1 at 500',
      '/notify WATCHDOG=1 at 560',
      '/notify WATCHDOG=1 at 620',
      '/notify STOPPING=1 at 620',
    ]);
  });

  it('goes on at its pace after the clock was set', () => {
    const { clock, told, ready } = supervised(start);
    ready();
    clock.jump(3_600_000);
    clock.advance(60_000);
    assert.equal(told.length, 3);
  });

  it('hears nothing more where it has no watchdog, and nothing at all where nobody listens', () => {
    const patient = supervised({ ...start, watchdogMs: null });
    const deaf = supervised({ ...start, notifySocket: null });
    for (const { clock, ready, stopping } of [patient, deaf]) {
      ready();
      clock.advance(1_000_000);
      stopping();
    }
    assert.deepEqual([patient.told.length, deaf.told.length], [2, 0]);
  });
});
