import assert from 'node:assert/strict';
import { suggestClosest } from '../../../src/shared/text/suggest-closest.ts';

describe('suggestClosest', () => {
  const names = ['login', 'logout', 'status', 'stop', 'use'];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['statsu', 'status'],
    ['loginn', 'login'],
    ['lgoin', 'login'],
    ['logou', 'logout'],
    ['sta', 'status'],
    ['us', 'use'],
    ['x', undefined],
    ['', undefined],
    ['frobnicate', undefined],
  ];
  for (const [word, expected] of cases) {
    it(`suggests ${expected ?? 'nothing'} for “${word}”`, () =>
      assert.equal(suggestClosest(word, names), expected));
  }
});
