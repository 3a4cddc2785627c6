import assert from 'node:assert/strict';
import fc from 'fast-check';
import { year } from '../support/durations.ts';
import { plans } from './plan-arbitrary.ts';
import { simulate } from './world.ts';

/** `SIMULATED_YEARS=1000 npx mocha --grep 'simulated year' --timeout 0`, and `SIMULATION_SEED=…` for the same again. */
const years = Number(process.env['SIMULATED_YEARS'] ?? 10);
const seed = Number(process.env['SIMULATION_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('a simulated year of sleep, outages, refusals, wrong clocks, logins and restarts', () => {
  it(`breaks no promise: ${years} of them from seed ${seed}`, async () => {
    await fc.assert(
      fc.asyncProperty(plans(year), async (plan) => {
        const { broken, expiredServed } = await simulate(plan);
        if (broken !== null) throw broken;
        assert.equal(expiredServed, 0);
      }),
      { numRuns: years, seed },
    );
  });
});
