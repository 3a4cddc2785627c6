import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { describeOldRelease } from '../../support/processes/node-release-check.ts';

describe('an old release of Node', () => {
  for (const [name, version] of [
    ['old-12', '12.22.12'],
    ['old-18', '18.20.8'],
  ] as const) {
    const node = join(root, 'test/slow/node-versions/node_modules', name, 'bin/node');
    before(function () {
      if (!existsSync(node)) this.skip();
    });
    describeOldRelease(node, version);
  }
});
