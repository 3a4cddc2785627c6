import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { attackedPrograms, attackInspector } from '../../support/processes/inspector-attack.ts';

const packagesFolder = join(root, 'test/slow/node-versions/node_modules');
const releases = existsSync(packagesFolder)
  ? readdirSync(packagesFolder)
      .filter((name) => name.startsWith('node-'))
      .map((name) => join(packagesFolder, name, 'bin/node'))
  : [];

describe("Node's inspector, with each release", () => {
  it('D6: is tried with Node 20, 22, 24 and 26', () => {
    const versions = releases.map((node) => execFileSync(node, ['--version'], { encoding: 'utf8' }));
    assert.deepEqual(
      versions.map((version) => /^v(\d+)/.exec(version)?.[1]),
      ['20', '22', '24', '26'],
    );
  });

  for (const node of releases) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    it(`D6: is never opened by a hundred SIGUSR1 while the programs start with Node ${version}`, async () => {
      const results = await Promise.all(
        Object.entries(attackedPrograms).map(async ([name, program]) => {
          const { openedCount, killedCount } = await attackInspector(program, node, 100, 1.5);
          assert.ok(killedCount < 90, `${name} was killed before it started in ${killedCount} of 100 tries`);
          return [name, openedCount] as const;
        }),
      );
      assert.deepEqual(
        results,
        Object.keys(attackedPrograms).map((name) => [name, 0]),
      );
    });
  }
});
