import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { createCronSchedule } from '../../src/adapters/cron-schedule.ts';
import { hour, minute } from '../support/time/durations.ts';
import { fleetChart } from './fleet-chart.ts';
import { simulateFleetDay, nextHourlyMs, startMs } from './fleet.ts';
import { outage, peakRate, type Results, simulateSample } from './fleet-results.ts';
import { fleetTable } from './fleet-table.ts';

const root = new URL('../../../', import.meta.url);
const readText = (path: string): string => readFileSync(new URL(path, root), 'utf8');

describe('the simulated fleet', () => {
  it('has the same schedule as croner', () => {
    const shiftMs = 1_284_599;
    const schedule = createCronSchedule('0 * * * *', shiftMs);
    for (let atMs = startMs; atMs < startMs + 4 * hour; atMs += 7 * minute) {
      assert.equal(nextHourlyMs(atMs, shiftMs), schedule.nextAfter(atMs));
    }
  });

  it('repeats a day with the same seed, and differs with another', () => {
    const simulateDay = (seed: number) => simulateFleetDay({ daemons: 50, seed, outage });
    assert.deepEqual(simulateDay(1), simulateDay(1));
    assert.notDeepEqual(simulateDay(1), simulateDay(2));
  });

  it('is measured over the busiest window, wherever it starts', () => {
    const perSecond = Uint32Array.from([1, 0, 3, 5, 4, 0, 1]);
    assert.deepEqual(
      [1, 2, 3, 7].map((seconds) => peakRate(perSecond, seconds)),
      [5, 4.5, 4, 2],
    );
  });

  describe('in its results', () => {
    const results = JSON.parse(readText('test/fleet/results.json')) as Results;
    const { calm, afterOutage } = results.fleet;

    it('has 100,000 daemons, and matches the code', () => {
      assert.equal(results.daemons, 100_000);
      assert.deepEqual(
        simulateSample(results.seed),
        results.sample,
        'the behavior has changed; run scripts/simulate-fleet --write',
      );
    });

    it('has a peak over 10 s of at most 1.5 times the mean on a calm day', () => {
      assert.ok(calm.peak10s / calm.mean <= 1.5);
    });

    it('has a peak over 10 s of at most 6 times that mean in the hour after an outage', () => {
      assert.ok(afterOutage.peak10s / calm.mean <= 6);
    });

    it('matches the table in LIFECYCLE.md and the chart', async () => {
      const options = { ...(await resolveConfig('LIFECYCLE.md')), parser: 'markdown' };
      const table = await format(fleetTable(results), options);
      assert.ok(readText('LIFECYCLE.md').includes(`\n${table}\n`), 'scripts/simulate-fleet --write');
      assert.equal(readText('test/fleet/fleet.svg'), fleetChart(results));
    });
  });
});
