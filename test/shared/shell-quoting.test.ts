import assert from 'node:assert/strict';
import { quoteShellWord } from '../../src/shared/shell-quoting.ts';

describe('a file name as a word of a command', () => {
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
    it(`${text} is ${word}`, () => assert.equal(quoteShellWord(text, 'linux'), word));
  }

  it('is in double quotes on Windows', () => {
    assert.equal(
      quoteShellWord(String.raw`C:\Users\Ada L\key.json`, 'win32'),
      String.raw`"C:\Users\Ada L\key.json"`,
    );
  });
});
