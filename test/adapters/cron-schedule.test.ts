import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  cronSchedule,
  scheduleFault,
  scheduleWarnings,
  shiftWithinHourMs,
} from '../../src/adapters/cron-schedule.ts';
import { moduleUrl, runModule } from '../support/run-module.ts';

const hourMs = 60 * 60_000;
const nowMs = Date.UTC(2026, 10, 24, 12, 34, 56, 789);

/** The next firings after a moment, as a process in another time zone computes them. */
async function firingsIn(
  timeZone: string,
  asked: {
    readonly pattern: string;
    readonly after: string;
    readonly count: number;
    readonly shiftMs?: number;
  },
): Promise<readonly string[]> {
  const { stdout } = await runModule(
    `const { cronSchedule } = await import(input.adapter);
    const schedule = cronSchedule(input.pattern, input.shiftMs);
    let at = Date.parse(input.after);
    for (let i = 0; i < input.count; i++) console.log(new Date((at = schedule.nextAfter(at))).toISOString());`,
    { ...asked, adapter: moduleUrl('adapters/cron-schedule') },
    { TZ: timeZone },
  );
  return stdout.trim().split('\n');
}

describe('a cron schedule', () => {
  it('fires at the minute that its five fields name', () => {
    const next = cronSchedule('40 * * * *').nextAfter(nowMs);
    assert.equal(next, Date.UTC(2026, 10, 24, 12, 40));
  });

  it('takes a sixth field, in front, for the seconds', () => {
    const next = cronSchedule('58 * * * * *').nextAfter(nowMs);
    assert.equal(next, Date.UTC(2026, 10, 24, 12, 34, 58));
  });

  it('never fires at the moment itself, or before it', () => {
    const at = Date.UTC(2026, 10, 24, 13);
    assert.equal(cronSchedule('0 * * * *').nextAfter(at), at + hourMs);
    assert.equal(cronSchedule('0 * * * *').nextAfter(at - 1), at);
    fc.assert(
      fc.property(
        fc.constantFrom('0 * * * *', '*/7 * * * *', '30 2 * * *', '*/20 * * * * *'),
        fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2028, 0) }),
        fc.integer({ min: 0, max: hourMs - 1 }),
        (pattern, afterMs, shiftMs) => {
          const next = cronSchedule(pattern, shiftMs).nextAfter(afterMs);
          assert.ok(next !== null && next > afterMs);
        },
      ),
    );
  });

  it('fires each hour of the day on which the clocks go forward, and of the one on which they go back', async () => {
    const pattern = '0 * * * *';
    assert.deepEqual(await firingsIn('Europe/Berlin', { pattern, after: '2026-03-28T23:10:00Z', count: 3 }), [
      '2026-03-29T00:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T02:00:00.000Z',
    ]);
    assert.deepEqual(
      await firingsIn('Europe/Berlin', { pattern, after: '2026-10-24T23:10:00Z', count: 3, shiftMs: 90_000 }),
      ['2026-10-25T00:01:30.000Z', '2026-10-25T01:01:30.000Z', '2026-10-25T02:01:30.000Z'],
    );
  });

  it('fires once a day when the hour is one that a change of the clocks leaves out or repeats', async () => {
    const pattern = '30 2 * * *';
    const days = async (after: string): Promise<readonly string[]> =>
      (await firingsIn('Europe/Berlin', { pattern, after, count: 3 })).map((at) => at.slice(0, 10));
    assert.deepEqual(await days('2026-03-28T00:00:00Z'), ['2026-03-28', '2026-03-29', '2026-03-30']);
    assert.deepEqual(await days('2026-10-24T00:00:00Z'), ['2026-10-24', '2026-10-25', '2026-10-26']);
  });

  it("goes by the machine's time zone", async () => {
    const asked = { pattern: '0 9 * * *', after: '2026-11-24T00:00:00Z', count: 1 };
    assert.deepEqual(await firingsIn('Asia/Novosibirsk', asked), ['2026-11-24T02:00:00.000Z']);
    assert.deepEqual(await firingsIn('America/New_York', asked), ['2026-11-24T14:00:00.000Z']);
  });

  it('moves every firing by the same time', () => {
    const plain = cronSchedule('0 * * * *');
    const shifted = cronSchedule('0 * * * *', 25 * 60_000);
    for (let at = nowMs; at < nowMs + 5 * hourMs; at += 7 * 60_000) {
      assert.equal(shifted.nextAfter(at), (plain.nextAfter(at - 25 * 60_000) ?? NaN) + 25 * 60_000);
    }
  });
});

describe('the place in the hour', () => {
  it('is always the same for the same host and profile', () => {
    assert.equal(shiftWithinHourMs('host', 'f0', 'work'), shiftWithinHourMs('host', 'f0', 'work'));
    assert.equal(shiftWithinHourMs('host', 'f0', 'work'), 1_284_599);
  });

  it('is another for another host, and is not moved by where one name ends', () => {
    assert.notEqual(shiftWithinHourMs('host', 'work'), shiftWithinHourMs('tsoh', 'work'));
    assert.notEqual(shiftWithinHourMs('ab', 'c'), shiftWithinHourMs('a', 'bc'));
  });

  it('is within the hour, and spreads a fleet over it evenly', () => {
    const perQuarter = [0, 0, 0, 0];
    for (let host = 0; host < 4_000; host++) {
      const shiftMs = shiftWithinHourMs(`host-${host}`, 'f0', 'default');
      assert.ok(Number.isInteger(shiftMs) && shiftMs >= 0 && shiftMs < hourMs);
      const quarter = Math.floor((shiftMs / hourMs) * 4);
      perQuarter[quarter] = (perQuarter[quarter] ?? 0) + 1;
    }
    for (const count of perQuarter) assert.ok(count > 900 && count < 1_100, String(perQuarter));
  });
});

describe('the check of a pattern', () => {
  for (const pattern of ['0 * * * *', '*/30 * * * * *', '@hourly', '0 0 29 2 *', '2030-01-01T00:00:00']) {
    it(`has nothing against ${pattern}`, () => assert.equal(scheduleFault(pattern, nowMs), null));
  }

  for (const pattern of ['', 'soon', '* * *', '61 * * * *', '* * * * * * * *']) {
    it(`says why ${JSON.stringify(pattern)} is none`, () => {
      assert.match(scheduleFault(pattern, nowMs) ?? '', /^is no cron pattern \(.+\)$/);
    });
  }

  for (const pattern of ['0 0 30 2 *', '0 0 31 2,4 *', '0 0 0 1 1 * 2020', '2020-01-01T00:00:00']) {
    it(`finds that ${pattern} never fires`, () => assert.equal(scheduleFault(pattern, nowMs), 'never fires'));
  }

  const crowded = /^the schedule ".+" renews more than 12 times in an hour$/;
  const gap = /^the schedule ".+" leaves more than 12 hours between two renewals/;
  const warned = (pattern: string, of: RegExp): boolean =>
    scheduleWarnings(pattern, nowMs).some((warning) => of.test(warning));

  for (const pattern of ['*/4 * * * *', '* * * * * *', '0-12 3 * * *', '0,54-59 0-5,7-12 * * * *']) {
    it(`warns of more than 12 firings in an hour of ${pattern}`, () => assert.ok(warned(pattern, crowded)));
  }

  for (const pattern of ['*/5 * * * *', '0-11 3 * * *', '0 * * * *', '@yearly', '2030-01-01T00:00:00']) {
    it(`finds no more than 12 firings in an hour of ${pattern}`, () => assert.ok(!warned(pattern, crowded)));
  }

  for (const pattern of [
    '0 9 * * *',
    '0 * * * 1-5',
    '0 6-17 * * *',
    '0 0,11 * * *',
    '@yearly',
    '2030-01-01T00:00:00',
    '2026-11-24T13:00:00',
  ]) {
    it(`warns of a gap that no token outlives in ${pattern}`, () => assert.ok(warned(pattern, gap)));
  }

  for (const pattern of ['0 * * * *', '0 */12 * * *', '30 5,17 * * *', '0 6-18 * * *', '* * * * * *']) {
    it(`finds no such gap in ${pattern}`, () => assert.ok(!warned(pattern, gap)));
  }

  it('warns of both', () => {
    assert.equal(scheduleWarnings('* 9 * * *', nowMs).length, 2);
  });

  it('sees a gap that comes once a week, from whatever day it is asked', () => {
    for (let day = 0; day < 7; day += 1) {
      const warnings = scheduleWarnings('0 9-23 * * 0,2-6', nowMs + day * 24 * hourMs);
      assert.equal(warnings.length, 1, String(day));
    }
  });
});
