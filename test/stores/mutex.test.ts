import assert from 'node:assert/strict';
import { Mutex } from '../../src/stores/mutex.ts';

const neverAborted = new AbortController().signal;

function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('a mutex', () => {
  it('runs one piece of work at a time, in the order of the calls', async () => {
    const mutex = new Mutex();
    const first = gate();
    const log: string[] = [];
    const one = mutex.runExclusive(async () => {
      log.push('one begins');
      await first.opened;
      log.push('one ends');
    }, neverAborted);
    const two = mutex.runExclusive(async () => log.push('two'), neverAborted);
    const three = mutex.runExclusive(async () => log.push('three'), neverAborted);
    first.open();
    await Promise.all([one, two, three]);
    assert.deepEqual(log, ['one begins', 'one ends', 'two', 'three']);
  });

  it('runs the next work after one that failed', async () => {
    const mutex = new Mutex();
    const rejection = mutex.runExclusive(() => Promise.reject(new Error('no')), neverAborted);
    assert.equal(await mutex.runExclusive(async () => 'yes', neverAborted), 'yes');
    await assert.rejects(rejection, /no/);
  });

  it('never starts work that was aborted while it waited, and keeps the order of the rest', async () => {
    const mutex = new Mutex();
    const first = gate();
    const controller = new AbortController();
    const log: string[] = [];
    const one = mutex.runExclusive(() => first.opened, neverAborted);
    const two = mutex.runExclusive(async () => log.push('two'), controller.signal);
    const three = mutex.runExclusive(async () => log.push('three'), neverAborted);
    controller.abort(new Error('too long'));
    await assert.rejects(two, /too long/);
    assert.deepEqual(log, []);
    first.open();
    await Promise.all([one, three]);
    assert.deepEqual(log, ['three']);
  });
});
