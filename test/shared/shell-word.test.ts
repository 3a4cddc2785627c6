import assert from 'node:assert/strict';
import { shellWord } from '../../src/shared/shell-word.ts';

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
