import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hour, minute, second } from '../support/time/durations.ts';
import { type OutagePlan, simulateOutage } from './outage-simulation.ts';

const plans: fc.Arbitrary<OutagePlan> = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  outageMs: fc.oneof(
    fc.integer({ min: 20 * second, max: 4 * minute }),
    fc.integer({ min: 4 * minute, max: 30 * minute }),
    fc.integer({ min: 30 * minute, max: 2 * hour }),
  ),
  failure: fc.constantFrom('refused', 'hanging'),
  probe: fc.constantFrom('tells', 'always_answers', 'never_answers'),
});

describe('an outage of 20 s to 2 h, with ten profiles and clients that ask twice a second', () => {
  it('E5: is over for the clients within 10 s where a look can tell, else within 120 s, within the budget', async () => {
    const outageProperty = fc.asyncProperty(plans, async (plan) => {
      const result = await simulateOutage(plan);
      const maxRecoveryMs = plan.probe === 'tells' ? 10 * second : 120 * second;
      assert.ok(result.slowestRecoveryMs <= maxRecoveryMs, `after ${result.slowestRecoveryMs} ms`);
      assert.ok(result.maxExchangesPerHour <= 60, `${result.maxExchangesPerHour} exchanges in an hour`);
      assert.ok(result.maxRequestExchangesPerHour <= 30, `${result.maxRequestExchangesPerHour} for requests`);
      assert.ok(result.exchangesWithinTenMinutes <= 20, `${result.exchangesWithinTenMinutes} in ten minutes`);
      assert.ok(result.minProbeIntervalMs >= 5 * second, `looks ${result.minProbeIntervalMs} ms apart`);
    });
    await fc.assert(outageProperty, {
      numRuns: Number(process.env['SIMULATED_OUTAGES'] ?? 6),
      endOnFailure: true,
    });
  }).timeout(5 * minute);
});
