import assert from 'node:assert/strict';
import { TurnLimiter } from '../../src/http/turn-limiter.ts';

describe('TurnLimiter', () => {
  it('D2: begins a few pieces of work in each turn of the event loop, in their order', async () => {
    const deferred: (() => void)[] = [];
    const limiter = new TurnLimiter(8, (callback) => deferred.push(callback));
    const started: number[] = [];
    const all = Array.from({ length: 20 }, async (_, n) => {
      await limiter.next();
      started.push(n);
    });
    const counts: number[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      await Promise.resolve();
      counts.push(started.length);
      for (const callback of deferred.splice(0)) callback();
    }
    await Promise.all(all);
    assert.deepEqual(counts, [8, 16, 20, 20]);
    assert.deepEqual(
      started,
      started.map((_, n) => n),
    );
    assert.equal(deferred.length, 0, 'nothing is left to do');
    await limiter.next();
  });
});
