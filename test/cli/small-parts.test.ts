import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hiddenLine } from '../../src/cli/asking.ts';
import { nearest } from '../../src/cli/nearest.ts';
import { shellWord } from '../../src/cli/shell-word.ts';
import { jsonLine, visible } from '../../src/cli/visible.ts';
import { writeWhole } from '../../src/cli/write-whole.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a hidden line', () => {
  const typed: readonly (readonly [string, readonly string[], string, string])[] = [
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
    ['other control characters', ['a\x00\x07\x1a\tb\u0085\r'], 'done', 'ab'],
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
  for (const [what, pieces, state, text] of typed) {
    it(`understands ${what}`, () => {
      const lines = pieces.map((_, at) => hiddenLine(pieces.slice(0, at + 1).join(''), 10));
      assert.deepEqual(lines.at(-1), { state, text });
      assert.ok(lines.slice(0, -1).every((line) => line.state === 'open'));
    });
  }
});

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

describe('one word of a command', () => {
  const words: readonly (readonly [string, string])[] = [
    ['key.json', 'key.json'],
    ['/home/ada/key-2_a.json', '/home/ada/key-2_a.json'],
    ['my key.json', "'my key.json'"],
    ["Ada's key; rm -rf $HOME", String.raw`'Ada'\''s key; rm -rf $HOME'`],
    ['-rf', './-rf'],
    ['-r f', "'./-r f'"],
    ['~/key', "'~/key'"],
  ];
  for (const [text, word] of words) {
    it(`of ${text} is ${word}`, () => assert.equal(shellWord(text, 'linux'), word));
  }

  it('stands in double quotes on Windows', () => {
    assert.equal(
      shellWord(String.raw`C:\Users\Ada L\key.json`, 'win32'),
      String.raw`"C:\Users\Ada L\key.json"`,
    );
  });
});

describe('a file that is written whole', () => {
  const folder = temporaryFolder();

  it('is open to nobody whom its mode leaves out, whatever was there and whatever the umask', () => {
    const path = join(folder(), 'config.yaml');
    for (const there of [path, `${path}.new`]) {
      writeFileSync(there, 'old');
      chmodSync(there, 0o666);
    }
    const umask = process.umask(0);
    try {
      writeWhole(path, 'new', 0o600);
    } finally {
      process.umask(umask);
    }
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['new', 0o600]);
    assert.deepEqual(readdirSync(folder()), ['config.yaml']);
  });

  it('is not written through a link that lies in the way', () => {
    const other = join(folder(), 'other');
    writeFileSync(other, 'mine');
    symlinkSync(other, join(folder(), 'config.yaml.new'));
    writeWhole(join(folder(), 'config.yaml'), 'new', 0o600);
    assert.equal(readFileSync(other, 'utf8'), 'mine');
  });
});
