import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { raceSignal } from '../../src/shared/race-signal.ts';
import { CallQueue, type CallTimes } from '../../src/stores/call-queue.ts';
import { createTestClock, type TestClock } from '../support/time/test-clock.ts';

describe('a call queue', () => {
  let clock: TestClock;
  let queue: CallQueue;
  /** Of the calls that have started and wait for the store, in the order of their turns. */
  let answers: ((value: string) => void)[];

  beforeEach(() => {
    clock = createTestClock();
    queue = new CallQueue({
      clock,
      createBusyError: () => new Error('busy'),
      createTimeoutError: () => new Error('timed out'),
    });
    answers = [];
  });

  const timesOf = (timeoutMs: number): CallTimes => ({
    stallTimeoutMs: 7_500,
    startDeadline: () => clock.timeoutSignal(timeoutMs),
  });

  /** A call with a deadline of 5 s. @param isStopped whether it ends with its deadline */
  function call({ isStopped = true } = {}): Promise<string> {
    const work = (deadline: AbortSignal): Promise<string> => {
      const answer = new Promise<string>((resolve) => answers.push(resolve));
      return isStopped ? raceSignal(answer, deadline) : answer;
    };
    const outcome = queue.run(timesOf(5_000), work);
    return outcome.catch((error: unknown) => (error as Error).message);
  }

  async function advance(byMs: number): Promise<void> {
    await nextTurn();
    clock.advance(byMs);
    await nextTurn();
  }

  it('E7: does not count the queue against a call, however many calls are before it', async () => {
    const calls = Array.from({ length: 100 }, () => call());
    for (const [index, outcome] of calls.entries()) {
      await advance(4_000);
      answers[index]?.(`answer ${index}`);
      assert.equal(await outcome, `answer ${index}`);
    }
  });

  it('E7: gives the calls after a stuck one their turn', async () => {
    const [stuck, ...others] = [call(), call(), call()];
    await advance(5_000);
    assert.equal(await stuck, 'timed out');
    answers[1]?.('one');
    await advance(4_000);
    answers[2]?.('two');
    assert.deepEqual(await Promise.all(others), ['one', 'two']);
  });

  it('fails all calls within 10 s if the store hangs', async () => {
    const [first, second, third] = [call(), call(), call()];
    await advance(3_000);
    const fourth = call();
    await advance(2_000);
    assert.equal(await first, 'timed out');
    await advance(2_500);
    assert.equal(await third, 'timed out');
    await advance(2_500);
    assert.deepEqual(await Promise.all([second, fourth]), ['timed out', 'timed out']);
    assert.equal(answers.length, 2);
    const next = call();
    await nextTurn();
    answers[2]?.('answer');
    assert.equal(await next, 'answer');
  });

  it('fails a call that waits for a long call', async () => {
    const longCall = queue.run(
      timesOf(110_000),
      () => new Promise<string>((resolve) => answers.push(resolve)),
    );
    const waiting = call();
    await advance(7_500);
    assert.equal(await waiting, 'busy');
    answers[0]?.('answer');
    assert.equal(await longCall, 'answer');
  });

  it('lets a call that passed its deadline end before the next one starts', async () => {
    const slow = call({ isStopped: false });
    const next = call();
    await advance(5_000);
    assert.equal(await slow, 'timed out');
    assert.equal(answers.length, 1);
    answers[0]?.('too late');
    await nextTurn();
    answers[1]?.('answer');
    assert.equal(await next, 'answer');
  });

  it('runs the next call after one that failed', async () => {
    const failed = queue.run(timesOf(5_000), () => Promise.reject(new Error('no')));
    const next = call();
    await assert.rejects(failed, /no/);
    await nextTurn();
    answers[0]?.('answer');
    assert.equal(await next, 'answer');
  });
});
