import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { assertNoFindings } from './findings.ts';
import { checkSizes, limits, type SizedFile } from './sizes.ts';
import { root } from './source-tree.ts';
import { trackedFiles } from './tracked-files.ts';

const tracked = trackedFiles().filter((path) => /^(?:src|test|scripts)\//.test(path));

describe('the size limits', () => {
  it('hold for every file, function and folder', () => {
    const files = tracked
      .filter((path) => /\.(?:ts|mjs|js)$/.test(path))
      .map((path) => ({ path, text: readFileSync(`${root}/${path}`, 'utf8') }));
    const folders = new Map<string, number>();
    for (const folder of tracked.map((path) => posix.dirname(path)))
      folders.set(folder, (folders.get(folder) ?? 0) + 1);
    assertNoFindings(checkSizes(files, folders));
  });

  it('find a file, a function and a folder that are too large', () => {
    const body = '  call();\n'.repeat(limits.functionLines - 1);
    const place = 'src/a.ts:tooLong';
    for (const text of [
      `function tooLong() {\n${body}}\n`,
      `const tooLong = () => {\n${body}};\n`,
      `class A {\n  tooLong() {\n${body}}\n}\n`,
      `class A {\n  #tooLong() {\n${body}}\n}\n`,
    ]) {
      assert.deepEqual(
        checkSizes([file(text)], new Map()),
        [`${place}: has 61 lines; at most 60`],
        text.slice(0, 30),
      );
    }
    assert.deepEqual(checkSizes([file(`describe('x', () => {\n${body}});\n`)], new Map()), []);
    assert.deepEqual(checkSizes([file('\n'.repeat(301))], new Map()), [
      'src/a.ts: has 301 lines; at most 300',
    ]);
    assert.deepEqual(checkSizes([], new Map([['src', 16]])), ['src: has 16 files; at most 15']);
  });

  it('allow an exception with a reason, as long as it is needed', () => {
    const exceptions = [{ place: 'src/a.ts', reason: 'a table' }];
    assert.deepEqual(checkSizes([file('\n'.repeat(301))], new Map(), exceptions), []);
    assert.deepEqual(checkSizes([file('\n')], new Map(), exceptions), [
      'src/a.ts: is within the limits; remove its exception',
    ]);
  });

  function file(text: string): SizedFile {
    return { path: 'src/a.ts', text };
  }
});
