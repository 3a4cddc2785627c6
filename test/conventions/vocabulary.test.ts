import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { assertNoFindings } from './findings.ts';
import { root } from './source-tree.ts';
import { trackedFiles } from './tracked-files.ts';
import { checkVocabulary } from './vocabulary.ts';

/** The list itself, and recorded output of older releases. */
const exempt = /^test\/(?:conventions\/vocabulary|protocol\/releases\/)/;

/** Published values of the protocol keep their words. */
const wireValues = /own uid, and guests/g;

describe('the vocabulary', () => {
  it('has no retired word, in names and in sentences', () => {
    const files = trackedFiles()
      .filter((path) => /^(?:src|test|scripts|systemd|launchd)\/|^[A-Z]+\.md$/.test(path))
      .filter((path) => !exempt.test(path) && !/\.(?:svg|json)$/.test(path))
      .map((path) => ({ path, text: readFileSync(`${root}/${path}`, 'utf8').replaceAll(wireValues, '') }));
    assertNoFindings(checkVocabulary(files));
  });

  it('finds a retired word as a word and within a name', () => {
    const words = [{ words: 'manner', use: 'interaction' }];
    for (const text of ['a manner', 'Manner', 'mannerOf()', 'this.#keyManner', "'manner'"]) {
      assert.equal(checkVocabulary([{ path: 'a.ts', text }], words).length, 1, text);
    }
    for (const text of ['mannered', 'unmanner', 'Mannered']) {
      assert.deepEqual(checkVocabulary([{ path: 'a.ts', text }], words), [], text);
    }
  });
});
