import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lockfile, treeOf } from '../house/package-tree.ts';
import { root } from '../house/source-tree.ts';

/** The packed tarball's files, in `folder`. */
export function unpackPacked(folder: string): void {
  const packed = mkdtempSync(join(tmpdir(), 'iam-tokend-packed-'));
  // Scripts would build anew, and the tests run from what is built.
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', packed];
  const tarball = execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }).trim();
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['xf', join(packed, tarball), '-C', folder, '--strip-components=1']);
  rmSync(packed, { recursive: true });
}

/**
 * What `npm install --global` of the packed tarball leaves below `prefix`, without asking a registry: the packages that
 * it needs are copied from here.
 */
export function installPacked(prefix: string): void {
  const ours = join(prefix, 'lib/node_modules/iam-tokend');
  unpackPacked(ours);
  for (const folder of treeOf(lockfile, '').filter((each) => existsSync(join(root, each)))) {
    mkdirSync(dirname(join(ours, folder)), { recursive: true });
    cpSync(join(root, folder), join(ours, folder), { recursive: true });
  }
  mkdirSync(join(prefix, 'bin'));
  for (const program of ['iam-token', 'iam-tokend']) {
    symlinkSync(join(ours, `dist/bin/${program}.js`), join(prefix, 'bin', program));
  }
}
