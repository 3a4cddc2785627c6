import assert from 'node:assert/strict';
import { waitForLocks } from '../../src/bin/iam-tokend/acquire-locks.ts';
import { AlreadyRunningError } from '../../src/daemon/instance/already-running-error.ts';

describe('A3: waiting for the locks of another daemon', () => {
  const held = new AlreadyRunningError({ code: 'internal', message: 'another iam-tokend is running' });

  it('ends when the other daemon has ended', async () => {
    let attempts = 0;
    const action = (): Promise<string> => {
      attempts += 1;
      return attempts < 3 ? Promise.reject(held) : Promise.resolve('locked');
    };
    assert.equal(await waitForLocks(action, 60_000), 'locked');
    assert.equal(attempts, 3);
  });

  it('reports the other daemon after the time, and any other error at once', async () => {
    await assert.rejects(
      waitForLocks(() => Promise.reject(held), 0),
      held,
    );
    const failure = new Error('the disk is full');
    await assert.rejects(
      waitForLocks(() => Promise.reject(failure), 60_000),
      failure,
    );
  });
});
