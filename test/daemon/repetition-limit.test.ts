import assert from 'node:assert/strict';
import { RepetitionLimit } from '../../src/daemon/repetition-limit.ts';
import { type LogLevel, logLevels } from '../../src/shared/log.ts';
import { createTestClock, type TestClock } from '../support/time/test-clock.ts';

describe('RepetitionLimit', () => {
  let clock: TestClock;
  let lines: string[];
  let minLevel: LogLevel;
  let log: RepetitionLimit;

  beforeEach(() => {
    clock = createTestClock();
    lines = [];
    minLevel = 'debug';
    const target = {
      write: (level: LogLevel, message: string) => lines.push(`${level} ${message}`),
      isEnabled: (level: LogLevel) => logLevels.indexOf(level) <= logLevels.indexOf(minLevel),
    };
    log = new RepetitionLimit(target, clock);
  });

  it('D3: writes 30 lines of a kind in a minute, and then how many more there were', () => {
    for (let n = 0; n < 3_000; n += 1)
      log.write('warn', `could not renew the IAM token: reason ${n}`, { as: `aje${n}` });
    assert.equal(lines.length, 30);
    log.write('info', 'logged in');
    clock.advance(60_000);
    log.write('warn', 'could not renew the IAM token: another reason');
    assert.deepEqual(lines.slice(30), [
      'info logged in',
      'warn suppressed 2970 similar lines: could not renew the IAM token',
      'warn could not renew the IAM token: another reason',
    ]);
  });

  it('D3: counts the lines of each profile alone, and writes all counts at the end', () => {
    for (let n = 0; n < 40; n += 1) {
      log.write('info', 'renewed the IAM token', { profile: 'work' });
      if (n < 20) log.write('info', 'renewed the IAM token', { profile: 'home' });
    }
    assert.equal(lines.length, 50);
    log.flush();
    assert.deepEqual(lines.slice(50), ['info suppressed 10 similar lines: renewed the IAM token work']);
  });

  it('D3: counts the lines of each level alone', () => {
    for (let n = 0; n < 40; n += 1) log.write('info', 'stored');
    log.write('error', 'stored: never');
    assert.equal(lines.at(-1), 'error stored: never');
    log.flush();
    assert.equal(lines.at(-1), 'info suppressed 10 similar lines: stored');
  });

  it('D3: loses no line of many kinds without a flood', () => {
    for (let n = 0; n < 5_000; n += 1) log.write('info', 'renewed the IAM token', { profile: `p${n}` });
    assert.equal(lines.length, 5_000);
  });

  it('D3: does not count lines below the level of the log', () => {
    minLevel = 'info';
    for (let n = 0; n < 20_000; n += 1) log.write('debug', `detail ${n}`);
    for (let n = 0; n < 40; n += 1) log.write('warn', `kind ${n}`);
    assert.equal(lines.length, 40);
  });

  it('D3: is bounded in memory, whatever is logged', () => {
    for (let n = 0; n < 30_000; n += 1) log.write('warn', `kind ${n}`);
    assert.ok(lines.length <= 10_030, `${lines.length}`);
    log.flush();
    assert.equal(lines.at(-1), 'warn suppressed 19970 similar lines: other lines');
  });
});
