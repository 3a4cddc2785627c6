import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lockfile, resolveDependencyTree } from '../../conventions/packages/package-tree.ts';
import { root } from '../../conventions/source-tree.ts';

/** Unpacks the packed tarball into `folder`. */
export function unpackTarball(folder: string): void {
  const tarballFolder = mkdtempSync(join(tmpdir(), 'iam-tokend-packed-'));
  // Scripts would build again, and replace the files of the running tests.
  const npmArgs = ['pack', '--ignore-scripts', '--silent', '--pack-destination', tarballFolder];
  const tarball = execFileSync('npm', npmArgs, { cwd: root, encoding: 'utf8' }).trim();
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['xf', join(tarballFolder, tarball), '-C', folder, '--strip-components=1']);
  rmSync(tarballFolder, { recursive: true });
}

/**
 * Installs the packed tarball below `prefix` like `npm install --global`, without a registry: its dependencies are copied
 * from this checkout.
 */
export function installTarball(prefix: string): void {
  const packageFolder = join(prefix, 'lib/node_modules/iam-tokend');
  unpackTarball(packageFolder);
  for (const folder of resolveDependencyTree(lockfile, '').filter((packagePath) =>
    existsSync(join(root, packagePath)),
  )) {
    mkdirSync(dirname(join(packageFolder, folder)), { recursive: true });
    cpSync(join(root, folder), join(packageFolder, folder), { recursive: true });
  }
  mkdirSync(join(prefix, 'bin'));
  for (const program of ['iam-token', 'iam-tokend', 'docker-credential-iam-token']) {
    symlinkSync(join(packageFolder, `dist/bin/${program}.js`), join(prefix, 'bin', program));
  }
}
