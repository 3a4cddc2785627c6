import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  createCronSchedule,
  findScheduleViolation,
  findScheduleWarnings,
  hourlyShiftMs,
} from '../../src/adapters/cron-schedule.ts';
import { moduleUrl, runModule } from '../support/processes/run-module.ts';

const hourMs = 60 * 60_000;
const nowMs = Date.UTC(2026, 10, 24, 12, 34, 56, 789);

/** The next firings after a time, computed by a process in another time zone. */
async function listFirings(
  timeZone: string,
  query: {
    readonly pattern: string;
    readonly after: string;
    readonly count: number;
    readonly shiftMs?: number;
  },
): Promise<readonly string[]> {
  const { stdout } = await runModule(
    `const { createCronSchedule } = await import(input.adapter);
    const schedule = createCronSchedule(input.pattern, input.shiftMs);
    let at = Date.parse(input.after);
    for (let i = 0; i < input.count; i++) console.log(new Date((at = schedule.nextAfter(at))).toISOString());`,
    { ...query, adapter: moduleUrl('adapters/cron-schedule') },
    { TZ: timeZone },
  );
  return stdout.trim().split('\n');
}

describe('createCronSchedule', () => {
  it('fires at the minute that its five fields name', () => {
    const next = createCronSchedule('40 * * * *').nextAfter(nowMs);
    assert.equal(next, Date.UTC(2026, 10, 24, 12, 40));
  });

  it('accepts a leading sixth field for the seconds', () => {
    const next = createCronSchedule('58 * * * * *').nextAfter(nowMs);
    assert.equal(next, Date.UTC(2026, 10, 24, 12, 34, 58));
  });

  it('fires strictly after the given time', () => {
    const at = Date.UTC(2026, 10, 24, 13);
    assert.equal(createCronSchedule('0 * * * *').nextAfter(at), at + hourMs);
    assert.equal(createCronSchedule('0 * * * *').nextAfter(at - 1), at);
    fc.assert(
      fc.property(
        fc.constantFrom('0 * * * *', '*/7 * * * *', '30 2 * * *', '*/20 * * * * *'),
        fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2028, 0) }),
        fc.integer({ min: 0, max: hourMs - 1 }),
        (pattern, afterMs, shiftMs) => {
          const next = createCronSchedule(pattern, shiftMs).nextAfter(afterMs);
          assert.ok(next !== null && next > afterMs);
        },
      ),
    );
  });

  it('fires in every hour of the days on which the clocks go forward and back', async () => {
    const pattern = '0 * * * *';
    assert.deepEqual(
      await listFirings('Europe/Berlin', { pattern, after: '2026-03-28T23:10:00Z', count: 3 }),
      ['2026-03-29T00:00:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-29T02:00:00.000Z'],
    );
    assert.deepEqual(
      await listFirings('Europe/Berlin', {
        pattern,
        after: '2026-10-24T23:10:00Z',
        count: 3,
        shiftMs: 90_000,
      }),
      ['2026-10-25T00:01:30.000Z', '2026-10-25T01:01:30.000Z', '2026-10-25T02:01:30.000Z'],
    );
  });

  it('fires once a day even if a clock change skips or repeats the hour', async () => {
    const pattern = '30 2 * * *';
    const days = async (after: string): Promise<readonly string[]> =>
      (await listFirings('Europe/Berlin', { pattern, after, count: 3 })).map((at) => at.slice(0, 10));
    assert.deepEqual(await days('2026-03-28T00:00:00Z'), ['2026-03-28', '2026-03-29', '2026-03-30']);
    assert.deepEqual(await days('2026-10-24T00:00:00Z'), ['2026-10-24', '2026-10-25', '2026-10-26']);
  });

  it("uses the machine's time zone", async () => {
    const query = { pattern: '0 9 * * *', after: '2026-11-24T00:00:00Z', count: 1 };
    assert.deepEqual(await listFirings('Asia/Novosibirsk', query), ['2026-11-24T02:00:00.000Z']);
    assert.deepEqual(await listFirings('America/New_York', query), ['2026-11-24T14:00:00.000Z']);
  });

  it('shifts every firing by the same time', () => {
    const plain = createCronSchedule('0 * * * *');
    const shifted = createCronSchedule('0 * * * *', 25 * 60_000);
    for (let at = nowMs; at < nowMs + 5 * hourMs; at += 7 * 60_000) {
      assert.equal(shifted.nextAfter(at), (plain.nextAfter(at - 25 * 60_000) ?? NaN) + 25 * 60_000);
    }
  });
});

describe('hourlyShiftMs', () => {
  it('returns the same shift for the same host and profile', () => {
    assert.equal(hourlyShiftMs('host', 'f0', 'work'), hourlyShiftMs('host', 'f0', 'work'));
    assert.equal(hourlyShiftMs('host', 'f0', 'work'), 1_284_599);
  });

  it('returns another shift for another host, and separates the names', () => {
    assert.notEqual(hourlyShiftMs('host', 'work'), hourlyShiftMs('tsoh', 'work'));
    assert.notEqual(hourlyShiftMs('ab', 'c'), hourlyShiftMs('a', 'bc'));
  });

  it('stays within the hour, and spreads a fleet evenly', () => {
    const perQuarter = [0, 0, 0, 0];
    for (let host = 0; host < 4_000; host++) {
      const shiftMs = hourlyShiftMs(`host-${host}`, 'f0', 'default');
      assert.ok(Number.isInteger(shiftMs) && shiftMs >= 0 && shiftMs < hourMs);
      const quarter = Math.floor((shiftMs / hourMs) * 4);
      perQuarter[quarter] = (perQuarter[quarter] ?? 0) + 1;
    }
    for (const count of perQuarter) assert.ok(count > 900 && count < 1_100, String(perQuarter));
  });
});

describe('schedule checks', () => {
  for (const pattern of ['0 * * * *', '*/30 * * * * *', '@hourly', '0 0 29 2 *', '2030-01-01T00:00:00']) {
    it(`accept ${pattern}`, () => assert.equal(findScheduleViolation(pattern, nowMs), null));
  }

  for (const pattern of ['', 'soon', '* * *', '61 * * * *', '* * * * * * * *']) {
    it(`reject ${JSON.stringify(pattern)} with a reason`, () => {
      assert.match(findScheduleViolation(pattern, nowMs) ?? '', /^is not a cron pattern \(.+\)$/);
    });
  }

  for (const pattern of ['0 0 30 2 *', '0 0 31 2,4 *', '0 0 0 1 1 * 2020', '2020-01-01T00:00:00']) {
    it(`report that ${pattern} never fires`, () =>
      assert.equal(findScheduleViolation(pattern, nowMs), 'never fires'));
  }

  const tooFrequent = /^the schedule ".+" renews more than 12 times an hour$/;
  const gap = /^the schedule ".+" leaves more than 12 hours between two renewals/;
  const hasWarning = (pattern: string, expected: RegExp): boolean =>
    findScheduleWarnings(pattern, nowMs).some((warning) => expected.test(warning));

  for (const pattern of ['*/4 * * * *', '* * * * * *', '0-12 3 * * *', '0,54-59 0-5,7-12 * * * *']) {
    it(`warn that ${pattern} fires more than 12 times in an hour`, () =>
      assert.ok(hasWarning(pattern, tooFrequent)));
  }

  for (const pattern of ['*/5 * * * *', '0-11 3 * * *', '0 * * * *', '@yearly', '2030-01-01T00:00:00']) {
    it(`do not warn that ${pattern} fires too often`, () => assert.ok(!hasWarning(pattern, tooFrequent)));
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
    it(`warn that ${pattern} leaves a gap longer than the lifetime of a token`, () =>
      assert.ok(hasWarning(pattern, gap)));
  }

  for (const pattern of ['0 * * * *', '0 */12 * * *', '30 5,17 * * *', '0 6-18 * * *', '* * * * * *']) {
    it(`do not warn of a gap in ${pattern}`, () => assert.ok(!hasWarning(pattern, gap)));
  }

  it('warn of too many firings and of a gap at once', () => {
    assert.equal(findScheduleWarnings('* 9 * * *', nowMs).length, 2);
  });

  it('find a weekly gap from every day of the week', () => {
    for (let day = 0; day < 7; day += 1) {
      const warnings = findScheduleWarnings('0 9-23 * * 0,2-6', nowMs + day * 24 * hourMs);
      assert.equal(warnings.length, 1, String(day));
    }
  });
});
