import assert from 'node:assert/strict';
import { displayWidth, padToWidth, truncateToWidth } from '../../../src/cli/terminal/display-width.ts';
import { fitLines } from '../../../src/cli/terminal/redraw.ts';

const lines = ['one', 'x'.repeat(25), 'three', '', 'five'];
const omitted = (count: number): string =>
  `… ${count} more ${count === 1 ? 'line' : 'lines'}; enlarge the terminal to see ${count === 1 ? 'it' : 'them'}`;

describe('18.4: lines that do not fit on the screen', () => {
  it('are all shown if they fit as the terminal wraps them', () => {
    assert.deepEqual(fitLines(lines, 10, 7), lines);
    assert.deepEqual(fitLines(lines, 25, 5), lines);
    assert.deepEqual(fitLines([], 10, 0), []);
  });

  it('are counted in the last line, which fits too', () => {
    assert.deepEqual(fitLines(lines, 80, 4), [...lines.slice(0, 3), omitted(2)]);
    assert.deepEqual(fitLines(lines, 80, 2), ['one', omitted(4)]);
    assert.deepEqual(fitLines(lines, 25, 4), [...lines.slice(0, 2), omitted(3)]);
    assert.deepEqual(fitLines(['x'.repeat(900), 'two'], 80, 5), [omitted(2)]);
  });

  it('are counted even where there is no room', () => {
    assert.deepEqual(fitLines(lines, 80, 0), [omitted(5)]);
  });
});

describe('the width of text', () => {
  it('counts columns of the terminal: none for styles and combining marks, two for wide characters', () => {
    const cases: readonly (readonly [string, number])[] = [
      ['', 0],
      ['abc…', 4],
      ['\x1b[32mok\x1b[0m', 2],
      ['e\u0301', 1],
      ['東京', 4],
      ['ｆ', 2],
      ['한', 2],
      ['🤖', 2],
      ['я', 1],
      ['שלום', 4],
    ];
    for (const [text, width] of cases) assert.equal(displayWidth(text), width, JSON.stringify(text));
  });

  it('is what a cell is padded and cut to, without half a character', () => {
    assert.equal(padToWidth('東', 4), '東  ');
    assert.equal(truncateToWidth('abcd', 4), 'abcd');
    assert.equal(truncateToWidth('abcde', 4), 'abc…');
    assert.equal(truncateToWidth('東京都', 5), '東京…');
    assert.equal(truncateToWidth('東京都', 4), '東…');
    assert.equal(truncateToWidth('🤖🤖', 3), '🤖…');
  });
});
