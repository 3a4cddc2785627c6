import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';

/** Release 0.1.0 as npm packed it, for `installTarball`; `pack-release` made it from commit 282229c. */
export const firstRelease = join(root, 'test/support/releases/iam-tokend-0.1.0.tgz');

/** The programs of a package that `installTarball` has installed below `prefix`. */
export function programsBelow(prefix: string): string {
  return join(prefix, 'lib/node_modules/iam-tokend/dist/bin');
}
