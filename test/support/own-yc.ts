import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownProgramMark } from '../../src/platform/find-program.ts';
import { bundle } from './run-cli.ts';

/**
 * A `yc` of ours in that folder, as `install --yc` makes it.
 * @returns its path
 */
export function ownYc(folder: string): string {
  const path = join(folder, 'yc');
  writeFileSync(path, `#!/bin/sh\n${ownProgramMark}\nexec '${process.execPath}' '${bundle}' yc "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
