import assert from 'node:assert/strict';
import { beforeDeadline, deadlineAfter, settlesWithin, sleep } from '../../src/client/deadline.ts';
import { IamTokenError } from '../../src/shared/errors.ts';

const longMs = 60_000;
const pending = new Promise<never>(() => {});
const reason = new Error('enough');

function timeoutError(timeout: string): IamTokenError {
  return new IamTokenError({ code: 'unavailable', message: `not within ${timeout}` });
}

describe('settlesWithin', () => {
  it('is true as soon as the promise resolves or rejects', async () => {
    assert.equal(await settlesWithin(Promise.resolve(), longMs), true);
    assert.equal(await settlesWithin(Promise.reject(reason), longMs), true);
  });

  it('is false when the time is over', async () => {
    assert.equal(await settlesWithin(pending, 1), false);
    assert.equal(await settlesWithin(pending, -1), false);
  });

  it('throws the reason of the signal, aborted before or during the wait', async () => {
    const controller = new AbortController();
    const wait = settlesWithin(pending, longMs, controller.signal);
    controller.abort(reason);
    await assert.rejects(wait, reason);
    await assert.rejects(settlesWithin(Promise.resolve(), longMs, controller.signal), reason);
  });
});

describe('beforeDeadline', () => {
  it('returns or throws the outcome of the promise', async () => {
    assert.equal(await beforeDeadline(Promise.resolve(1), deadlineAfter(longMs), timeoutError), 1);
    await assert.rejects(beforeDeadline(Promise.reject(reason), deadlineAfter(longMs), timeoutError), reason);
  });

  it('throws the timeout error, which names the whole time limit', async () => {
    const deadline = { ...deadlineAfter(2_000), endsAtMs: 0 };
    await assert.rejects(beforeDeadline(pending, deadline, timeoutError), { message: 'not within 2 s' });
    await assert.rejects(beforeDeadline(pending, deadlineAfter(5), timeoutError), {
      message: 'not within 5 ms',
    });
  });

  it('throws the reason of the signal', async () => {
    const deadline = deadlineAfter(longMs, AbortSignal.abort(reason));
    await assert.rejects(beforeDeadline(pending, deadline, timeoutError), reason);
  });
});

describe('sleep', () => {
  it('ends after the delay or with the reason of the signal', async () => {
    await sleep(1, undefined);
    await assert.rejects(sleep(longMs, AbortSignal.abort(reason)), reason);
  });
});
