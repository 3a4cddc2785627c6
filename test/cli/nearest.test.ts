import assert from 'node:assert/strict';
import { nearest } from '../../src/cli/nearest.ts';

describe('the nearest name', () => {
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
    it(`of “${word}” is ${expected ?? 'none'}`, () => assert.equal(nearest(word, names), expected));
  }
});
