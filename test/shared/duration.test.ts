import assert from 'node:assert/strict';
import { formatShortTimeSpan, formatTimeSpan, parseDuration } from '../../src/shared/duration.ts';

describe('18.7: a duration', () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ['0', 0],
    ['90', 90_000],
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['12h', 43_200_000],
    ['1d', 86_400_000],
    ['90d', 7_776_000_000],
    ['11h30m', 41_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['1m500ms', 60_500],
    ['0d007s', 7_000],
    ['', null],
    ['h', null],
    ['1.5h', null],
    ['-1s', null],
    ['+1s', null],
    ['1w', null],
    ['1H', null],
    ['30m11h', null],
    ['1h2h', null],
    ['11h30', null],
    ['30 11h', null],
    ['1h 30m', null],
    [' 1h', null],
    ['1234567890s', null],
  ];
  for (const [text, expected] of cases)
    it(`"${text}" is ${expected === null ? 'none' : `${expected} ms`}`, () =>
      assert.equal(parseDuration(text), expected));
});

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

describe('a short time span', () => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [3_599_999, '59m'],
    [3_600_000, '1h0m'],
    [43_445_000, '12h4m'],
    [86_399_999, '23h59m'],
    [90_000_000, '1d1h'],
  ];
  for (const [ms, expected] of cases)
    it(`of ${ms} ms is ${expected}`, () => assert.equal(formatShortTimeSpan(ms), expected));
});
