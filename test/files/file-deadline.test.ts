import assert from 'node:assert/strict';
import { FileDeadline } from '../../src/files/file-deadline.ts';
import { createTestClock } from '../support/time/test-clock.ts';

const noAnswer = { message: 'no answer within 2 s; a network file system may not respond' };

describe('the deadline of file operations', () => {
  it('D5: returns what the operation returns, and its error', async () => {
    const deadline = new FileDeadline(createTestClock());
    assert.equal(await deadline.run('a', () => Promise.resolve('text')), 'text');
    await assert.rejects(
      deadline.run('a', () => Promise.reject(new Error('gone'))),
      { message: 'gone' },
    );
  });

  it('D5: gives up a file system that does not respond, and takes one thread for all calls', async () => {
    const clock = createTestClock();
    const deadline = new FileDeadline(clock);
    let answer = (_text: string): void => undefined;
    const pending = new Promise<string>((resolve) => (answer = resolve));
    let operations = 0;
    const read = (): Promise<string> =>
      deadline.run('a', () => {
        operations += 1;
        return pending;
      });
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const reading = read();
      clock.advance(2_000);
      await assert.rejects(reading, noAnswer);
    }
    assert.equal(operations, 1);
    assert.equal(await deadline.run('b', () => Promise.resolve('another file')), 'another file');
    answer('an answer');
    assert.equal(await read(), 'an answer');
    assert.equal(await deadline.run('a', () => Promise.resolve('a new answer')), 'a new answer');
  });
});
