import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../conventions/source-tree.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const compiler = '/usr/bin/clang';
const sanitizers = ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'];
const executions = 200_000;

describe('the reader of the native client', function () {
  this.timeout(180_000);
  const folder = useTemporaryFolder();

  before(function () {
    if (!existsSync(compiler)) this.skip();
  });

  it('reads any bytes without an error of memory or arithmetic, with the corpus as a start', async () => {
    const fuzzer = join(folder(), 'fuzz');
    const source = join(root, 'test/native/fuzz/fuzz.c');
    const { stderr, status } = spawnSync(compiler, [...sanitizers, '-O1', '-g', '-o', fuzzer, source], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const corpus = join(folder(), 'corpus');
    mkdirSync(corpus);
    const inputs = readFileSync(join(root, 'test/native/fuzz/corpus.txt'), 'utf8').trim().split('\n');
    for (const [index, input] of inputs.entries())
      writeFileSync(join(corpus, String(index)), Buffer.from(input, 'base64'));
    const args = [`-runs=${executions}`, '-max_len=2048', '-print_final_stats=1', corpus];
    // It exits with an error at the first crash, leak or timeout.
    const run = await promisify(execFile)(fuzzer, args, { cwd: folder(), maxBuffer: 50_000_000 });
    assert.match(run.stderr, new RegExp(`stat::number_of_executed_units: ${executions}`));
  });
});
