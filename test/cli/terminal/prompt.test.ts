import assert from 'node:assert/strict';
import { parseHiddenLine } from '../../../src/cli/terminal/prompt.ts';

describe('a hidden line', () => {
  const keystrokeCases: readonly (readonly [string, readonly string[], string, string])[] = [
    ['letters', ['abc', 'd'], 'open', 'abcd'],
    ['Enter', ['abc\r'], 'done', 'abc'],
    ['what follows Enter', ['abc\ndef\n'], 'done', 'abc'],
    ['Ctrl-C', ['ab\x03c'], 'interrupted', 'ab'],
    ['Ctrl-D', ['ab\x04'], 'done', 'ab'],
    ['a backspace', ['abc\x7f\x7fd\r'], 'done', 'ad'],
    ['a backspace at the beginning', ['\x7f\bab\r'], 'done', 'ab'],
    ['a backspace over a character of two units', ['a😀\x7fb\r'], 'done', 'ab'],
    ['Ctrl-U', ['abc\x15d\r'], 'done', 'd'],
    ['Ctrl-W', ['abc\x17d\r'], 'done', 'd'],
    ['other control characters', ['a\x00\x07\tb\u0085\r'], 'done', 'ab'],
    ['Ctrl-Z', ['ab\x1ac\r'], 'suspended', 'ab'],
    ['Escape before Ctrl-Z', ['ab\x1b\x1a'], 'suspended', 'ab'],
    ['an arrow', ['a\x1b[Ab\r'], 'done', 'ab'],
    ['a key with parameters', ['a\x1b[1;5Cb\x1b[3~\r'], 'done', 'ab'],
    ['a key of the keypad', ['a\x1bOPb\r'], 'done', 'ab'],
    ['a key with Alt', ['a\x1bxb\r'], 'done', 'ab'],
    ['a sequence in pieces', ['a\x1b', '[', '1', ';5', 'C', 'b\r'], 'done', 'ab'],
    ['Escape before Enter', ['a\x1b\r'], 'done', 'a'],
    ['Escape before Ctrl-C', ['a\x1b\x03'], 'interrupted', 'a'],
    ['Escape twice', ['a\x1b\x1b[Ab\r'], 'done', 'ab'],
    ['marks around a paste', ['\x1b[200~abc\x1b[201~\r'], 'done', 'abc'],
    ['a paste that is too long', ['x'.repeat(11)], 'too_long', 'x'.repeat(11)],
  ];
  for (const [what, chunks, state, text] of keystrokeCases) {
    it(`handles ${what}`, () => {
      const lines = chunks.map((_, at) => parseHiddenLine(chunks.slice(0, at + 1).join(''), 10));
      assert.deepEqual(lines.at(-1), { state, text });
      assert.ok(lines.slice(0, -1).every((line) => line.state === 'open'));
    });
  }
});
