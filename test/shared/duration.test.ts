import assert from 'node:assert/strict';
import { formatTimeSpan } from '../../src/shared/duration.ts';

describe('a time span', () => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0 s'],
    [999, '0 s'],
    [1_000, '1 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [3_601_000, '1 h'],
    [43_445_000, '12 h 4 min'],
    [90_000_000, '1 d 1 h'],
  ];
  for (const [ms, expected] of cases)
    it(`of ${ms} ms is ${expected}`, () => assert.equal(formatTimeSpan(ms), expected));
});
