import assert from 'node:assert/strict';
import { jsonLine, visible } from '../../src/cli/visible.ts';

describe('visible', () => {
  it('leaves text of any language as it is', () => {
    const text = 'работа, 仕事, ‘work’ — 100 % 😀 é\u0301';
    assert.equal(visible(text), text);
    assert.equal(jsonLine({ text }), JSON.stringify({ text }));
  });

  it('writes out all that acts on a terminal or cannot be seen', () => {
    assert.equal(
      visible('\0\t\n\x1b\x7f\u009b\u00ad\u200b\u2028\u202e\ufeff\u{e0001}\ud800'),
      '\\u{0}\\u{9}\\u{a}\\u{1b}\\u{7f}\\u{9b}\\u{ad}\\u{200b}\\u{2028}\\u{202e}\\u{feff}\\u{e0001}\\u{d800}',
    );
  });

  it('writes JSON that means the same', () => {
    const value = { text: '\0\t\n\x1b\x7f\u009b\u202e\u{e0001}' };
    const line = jsonLine(value);
    assert.match(line, /^[ -~]*$/);
    assert.deepEqual(JSON.parse(line), value);
  });
});
