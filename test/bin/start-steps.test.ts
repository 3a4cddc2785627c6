import assert from 'node:assert/strict';
import { StartSteps, StartTimeoutError } from '../../src/bin/iam-tokend/start/start-steps.ts';
import { createFakeLog } from '../support/fake-log.ts';
import { createTestClock } from '../support/time/test-clock.ts';

describe('StartSteps', () => {
  it('E10: end a step that hangs after 10 s, with a sentence that names it', async () => {
    const clock = createTestClock();
    const step = new StartSteps(clock).run(
      'read the profile list',
      () => new Promise<never>(() => undefined),
    );
    clock.advance(10_000);
    await assert.rejects(step, (error) => {
      assert.ok(error instanceof StartTimeoutError);
      assert.match(error.message, /^cannot read the profile list: no answer within 10 s; a disk or /);
      return true;
    });
  });

  it('E10: log the name of each step, also of those before the log was open', async () => {
    const steps = new StartSteps(createTestClock());
    assert.equal(await steps.run('read the configuration', async () => 7), 7);
    const log = createFakeLog();
    steps.useLog(log);
    await steps.run('read the profile list', async () => undefined);
    assert.deepEqual(log.lines, [
      'debug start: read the configuration',
      'debug start: read the profile list',
    ]);
  });
});
