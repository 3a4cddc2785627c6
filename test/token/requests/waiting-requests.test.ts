import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type TokenRequest, WaitingRequests } from '../../../src/token/waiting-requests.ts';
import { countArraySteps } from '../../support/count-array-steps.ts';

const requestOf = (requestId: number): TokenRequest => ({ requestId, minTtlMs: 0, isRefresh: false });
const idsOf = (requests: WaitingRequests): readonly number[] =>
  Array.from(requests, ({ requestId }) => requestId);
/** Few, so that most removals find their request, at the borders of the tree's nodes. */
const arbitraryId = fc.constantFrom(
  1,
  2,
  31,
  32,
  33,
  63,
  64,
  1_023,
  1_024,
  1_025,
  40_000,
  Number.MAX_SAFE_INTEGER,
);

describe('waiting requests', () => {
  it('are those that were added and not removed, in the order of their ids', () => {
    const operations = fc.array(fc.record({ id: arbitraryId, isAdded: fc.boolean() }));
    fc.assert(
      fc.property(operations, (steps) => {
        const model = new Set<number>();
        let requests = WaitingRequests.empty;
        for (const { id, isAdded } of steps) {
          const previous = requests;
          const idsBefore = idsOf(previous);
          if (!isAdded) requests = requests.without([id]);
          else if (!model.has(id)) requests = requests.with(requestOf(id));
          if (isAdded) model.add(id);
          else model.delete(id);
          assert.deepEqual(idsOf(previous), idsBefore);
        }
        assert.deepEqual(
          idsOf(requests),
          [...model].toSorted((a, b) => a - b),
        );
        assert.equal(requests.length, model.size);
      }),
    );
  });

  it('17-6: are added and removed in a number of steps proportional to their number', async () => {
    const stepsFor = (count: number): Promise<number> =>
      countArraySteps(() => {
        let requests = WaitingRequests.empty;
        for (let id = 1; id <= count; id += 1) requests = requests.with(requestOf(id));
        for (let id = 1; id <= count; id += 1) requests = requests.without([id]);
        assert.equal(requests.length, 0);
      });
    const [few, many] = [await stepsFor(2_000), await stepsFor(20_000)];
    // A copy of the list for each would take 100 times as many; the tree is at most half as high again.
    assert.ok(many < 20 * few, `${few} and ${many} steps`);
  });
});
