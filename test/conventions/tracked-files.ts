import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { root } from './source-tree.ts';

/** The files of this checkout, from its top, those that are not committed yet included. */
export function trackedFiles(): readonly string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard'];
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter((path) => existsSync(`${root}/${path}`));
}
