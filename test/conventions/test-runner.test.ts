import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './source-tree.ts';

interface RunnerResult {
  readonly output: string;
  readonly status: number | null;
  /** Passed, failed, skipped. */
  readonly counts: string;
  readonly failures: string | undefined;
}

describe('scripts/run-tests.mjs', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'iam-tokend-runner-'))));
  after(() => rmSync(folder, { recursive: true }));

  function runTests(tests: string, expectedSkipsText = ''): RunnerResult {
    const [file, expectedSkips, outcome] = ['planted.test.cjs', 'skips', 'outcome'].map((name) =>
      join(folder, name),
    );
    assert.ok(file !== undefined && expectedSkips !== undefined && outcome !== undefined);
    writeFileSync(file, `const assert = require('node:assert');\n${tests}`);
    writeFileSync(expectedSkips, expectedSkipsText);
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['scripts/run-tests.mjs', '--outcome', outcome, '--expected-skips', expectedSkips, file],
      { cwd: root, encoding: 'utf8' },
    );
    const [counts = '', failures] = readFileSync(outcome, 'utf8').split(/\n([^]*)/);
    return { output: stdout + stderr, status, counts, failures };
  }

  it('exits with 0 when all tests pass, and prints one line per file', () => {
    const { output, status, counts } = runTests("it('one', () => {}); it('two', async () => {});");
    assert.match(output, /^\S+planted\.test\.cjs: 2 passed \(\d+\.\d s\)\n$/);
    assert.deepEqual([status, counts], [0, '2 0 0']);
  });

  it('writes each failure in full, and counts a test once that fails after it passed', () => {
    const { output, status, counts, failures } = runTests(`
      it('one', () => assert.deepEqual({ a: 1 }, { a: 2 }));
      it('two', (done) => { done(); done(); });
      describe('three', () => { before(() => { throw new Error('no start'); }); it('inner', () => {}); });`);
    assert.match(output, /^\S+: 0 passed, 3 FAILED .*\n$/);
    assert.match(String(failures), /\+ +"a": 2[^]*planted\.test\.cjs:3[^]*no start/);
    assert.deepEqual([status, counts], [1, '0 3 0']);
  });

  it('counts an unexpected skip as a failure', () => {
    const tests =
      "describe('a', () => { it('runs', () => {}); it('b', function () { this.skip(); }); it('c'); });";
    const unexpected = runTests(tests, '# nothing\n');
    assert.match(
      String(unexpected.failures),
      /not listed in test\/expected-skips: a b\n.*not listed in test\/expected-skips: a c\n/,
    );
    assert.deepEqual([unexpected.status, unexpected.counts], [1, '1 2 0']);
    const expected = runTests(tests, 'a b\twhy\na c\twhy\na runs\tit may as well run\n');
    assert.match(expected.output, /1 passed, 2 skipped/);
    assert.deepEqual([expected.status, expected.counts], [0, '1 0 2']);
  });

  it('fails if a skip has no reason, if a file does not load, and if no test runs', () => {
    assert.equal(runTests("it('one', () => {});", 'a b\n').counts, '0 1 0');
    const broken = runTests("throw new Error('broken file');");
    assert.match(broken.output, /broken file/);
    assert.deepEqual([broken.status, broken.counts], [1, '0 1 0']);
    assert.equal(runTests('').status, 1);
  });
});
