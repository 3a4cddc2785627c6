import assert from 'node:assert/strict';
import fc from 'fast-check';
import { minute, year } from '../support/time/durations.ts';
import { plans } from './plan-arbitrary.ts';
import { simulate } from './simulate.ts';

/** CONTRIBUTING.md has the command that sets these. */
const years = Number(process.env['SIMULATED_YEARS'] ?? 10);
const seed = Number(process.env['SIMULATION_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('a simulated year of sleep, outages, rejections, wrong clocks, logins and restarts', () => {
  it(`breaks no invariant, and serves no expired token: ${years} years from seed ${seed}`, async () => {
    let servedTokens = 0;
    const yearProperty = fc.asyncProperty(plans(year), async (plan) => {
      const outcome = await simulate(plan);
      servedTokens += outcome.served;
      if (outcome.error !== null) throw outcome.error;
      assert.equal(outcome.expiredServed, 0);
    });
    await fc.assert(yearProperty, { numRuns: years, seed });
    assert.ok(servedTokens > years * 100, `only ${servedTokens} tokens were served`);
  }).timeout(10 * minute + years * minute);
});
