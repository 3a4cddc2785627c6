import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';

const entryPoints = {
  'dist/bin/iam-token.js': 'iam-token: error',
  'dist/bin/iam-tokend.js': 'iam-tokend: error',
  'dist/library/cjs/client/iam-token-client.js': 'Error: iam-tokend',
};

/**
 * Each entry point ends with one sentence.
 * @param prelude runs before the entry point
 */
export function describeOldRelease(node: string, version: string, prelude = ''): void {
  for (const [file, prefix] of Object.entries(entryPoints)) {
    it(`B9: ${file} names the release that it needs, with Node ${version}`, () => {
      const script = `${prelude} require(${JSON.stringify(join(root, file))});`;
      const { stdout, stderr, status } = spawnSync(node, ['--eval', script], { encoding: 'utf8' });
      const sentence = `${prefix}: Node 20.19 or later is required; this is Node ${version}`;
      assert.deepEqual([stdout, status], ['', 1]);
      assert.ok(stderr.split('\n').includes(sentence), stderr);
    });
  }
}
