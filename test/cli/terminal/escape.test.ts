import assert from 'node:assert/strict';
import { formatJsonLine, escapeControlCharacters } from '../../../src/cli/terminal/escape.ts';

describe('escapeControlCharacters', () => {
  it('keeps text of any language', () => {
    const text = 'работа, 仕事, ‘work’ — 100 % 😀 é\u0301';
    assert.equal(escapeControlCharacters(text), text);
    assert.equal(formatJsonLine({ text }), JSON.stringify({ text }));
  });

  it('escapes control and invisible characters', () => {
    assert.equal(
      escapeControlCharacters('\0\t\n\x1b\x7f\u009b\u00ad\u200b\u2028\u202e\ufeff\u{e0001}\ud800'),
      '\\u{0}\\u{9}\\u{a}\\u{1b}\\u{7f}\\u{9b}\\u{ad}\\u{200b}\\u{2028}\\u{202e}\\u{feff}\\u{e0001}\\u{d800}',
    );
  });

  it('keeps the value of JSON (formatJsonLine)', () => {
    const value = { text: '\0\t\n\x1b\x7f\u009b\u202e\u{e0001}' };
    const line = formatJsonLine(value);
    assert.match(line, /^[ -~]*$/);
    assert.deepEqual(JSON.parse(line), value);
  });
});
