import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shimMarker } from '../../../src/platform/program-candidates.ts';
import { clientBundle } from './run-cli.ts';

/**
 * Writes the shim of `install --yc` into that folder.
 * @returns its path
 */
export function writeYcShim(folder: string): string {
  const path = join(folder, 'yc');
  writeFileSync(path, `#!/bin/sh\n${shimMarker}\nexec '${process.execPath}' '${clientBundle}' yc "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}
