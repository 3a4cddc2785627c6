import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { cronSchedule } from '../../src/adapters/cron-schedule.ts';
import { hour, minute } from '../support/durations.ts';
import { fleetChart } from './chart.ts';
import { fleetDay, nextHourlyMs, startMs } from './fleet.ts';
import { outage, peakOver, type Results, sampleOf } from './results.ts';
import { fleetTable } from './table.ts';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

describe('the fleet', () => {
  it('has the schedule that croner has', () => {
    const shiftMs = 1_284_599;
    const schedule = cronSchedule('0 * * * *', shiftMs);
    for (let atMs = startMs; atMs < startMs + 4 * hour; atMs += 7 * minute) {
      assert.equal(nextHourlyMs(atMs, shiftMs), schedule.nextAfter(atMs));
    }
  });

  it('lives the same day again from the same seed, and another from another', () => {
    const day = (seed: number) => fleetDay({ daemons: 50, seed, outage });
    assert.deepEqual(day(1), day(1));
    assert.notDeepEqual(day(1), day(2));
  });

  it('is counted over the fullest seconds, wherever they begin', () => {
    const perSecond = Uint32Array.from([1, 0, 3, 5, 4, 0, 1]);
    assert.deepEqual(
      [1, 2, 3, 7].map((seconds) => peakOver(perSecond, seconds)),
      [5, 4.5, 4, 2],
    );
  });

  describe('in its results', () => {
    const results = JSON.parse(read('test/fleet/results.json')) as Results;
    const { calm, afterOutage } = results.fleet;

    it('is of 100,000 daemons, and of the code that is here', () => {
      assert.equal(results.daemons, 100_000);
      assert.deepEqual(
        sampleOf(results.seed),
        results.sample,
        'the daemons behave otherwise now: scripts/simulate-fleet --write',
      );
    });

    it('has a peak of at most 1.5 times the mean in a calm day, over 10 s', () => {
      assert.ok(calm.peak10s / calm.mean <= 1.5);
    });

    it('has a peak of at most 6 times that mean in the hour after an outage, over 10 s', () => {
      assert.ok(afterOutage.peak10s / calm.mean <= 6);
    });

    it('is what the table in ARCHITECTURE.md and the chart show', async () => {
      const options = { ...(await resolveConfig('ARCHITECTURE.md')), parser: 'markdown' };
      const table = await format(fleetTable(results), options);
      assert.ok(read('ARCHITECTURE.md').includes(`\n${table}\n`), 'scripts/simulate-fleet --write');
      assert.equal(read('test/fleet/fleet.svg'), fleetChart(results));
    });
  });
});
