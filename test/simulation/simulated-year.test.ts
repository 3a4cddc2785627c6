import assert from 'node:assert/strict';
import fc from 'fast-check';
import { minute, year } from '../support/durations.ts';
import { plans } from './plan-arbitrary.ts';
import { simulate } from './world.ts';

/** How many years, and from which seed: CONTRIBUTING.md has the command. */
const years = Number(process.env['SIMULATED_YEARS'] ?? 10);
const seed = Number(process.env['SIMULATION_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('a simulated year of sleep, outages, refusals, wrong clocks, logins and restarts', () => {
  it(`breaks no promise, and serves no expired token: ${years} of them from seed ${seed}`, async () => {
    let served = 0;
    const inEachYear = fc.asyncProperty(plans(year), async (plan) => {
      const outcome = await simulate(plan);
      served += outcome.served;
      if (outcome.broken !== null) throw outcome.broken;
      assert.equal(outcome.expiredServed, 0);
    });
    await fc.assert(inEachYear, { numRuns: years, seed });
    assert.ok(served > years * 100, `tokens were served only ${served} times`);
  }).timeout(10 * minute + years * minute);
});
