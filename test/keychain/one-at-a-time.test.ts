import assert from 'node:assert/strict';
import { OneAtATime } from '../../src/keychain/one-at-a-time.ts';

const never = new AbortController().signal;

function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('one-at-a-time', () => {
  it('runs work in the order in which it came, never two pieces at once', async () => {
    const turns = new OneAtATime();
    const first = gate();
    const log: string[] = [];
    const one = turns.run(async () => {
      log.push('one begins');
      await first.opened;
      log.push('one ends');
    }, never);
    const two = turns.run(async () => log.push('two'), never);
    const three = turns.run(async () => log.push('three'), never);
    first.open();
    await Promise.all([one, two, three]);
    assert.deepEqual(log, ['one begins', 'one ends', 'two', 'three']);
  });

  it('goes on after work that failed', async () => {
    const turns = new OneAtATime();
    const failed = turns.run(() => Promise.reject(new Error('no')), never);
    assert.equal(await turns.run(async () => 'yes', never), 'yes');
    await assert.rejects(failed, /no/);
  });

  it('never begins what was given up while it waited, and keeps the order of the rest', async () => {
    const turns = new OneAtATime();
    const first = gate();
    const patience = new AbortController();
    const log: string[] = [];
    const one = turns.run(() => first.opened, never);
    const two = turns.run(async () => log.push('two'), patience.signal);
    const three = turns.run(async () => log.push('three'), never);
    patience.abort(new Error('too long'));
    await assert.rejects(two, /too long/);
    assert.deepEqual(log, []);
    first.open();
    await Promise.all([one, three]);
    assert.deepEqual(log, ['three']);
  });
});
