import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type LockedPackage,
  lockfile,
  resolveDependencyTree,
} from '../../conventions/packages/package-tree.ts';
import { root } from '../../conventions/source-tree.ts';

/** Unpacks the packed tarball, or that of another release, into `folder`. */
export function unpackTarball(folder: string, tarball?: string): void {
  const tarballFolder = mkdtempSync(join(tmpdir(), 'iam-tokend-packed-'));
  mkdirSync(folder, { recursive: true });
  const source = tarball ?? join(tarballFolder, packCheckout(tarballFolder));
  execFileSync('tar', ['xf', source, '-C', folder, '--strip-components=1']);
  rmSync(tarballFolder, { recursive: true });
}

function packCheckout(folder: string): string {
  // Scripts would build again, and replace the files of the running tests.
  const npmArgs = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  return execFileSync('npm', npmArgs, { cwd: root, encoding: 'utf8' }).trim();
}

/**
 * Installs the packed tarball, or that of another release, below `prefix` like `npm install --global`, without a registry: its
 * dependencies are copied from this checkout. Replaces an installation.
 */
export function installTarball(prefix: string, tarball?: string): void {
  const packageFolder = join(prefix, 'lib/node_modules/iam-tokend');
  const newFolder = `${packageFolder}.new`;
  unpackTarball(newFolder, tarball);
  for (const folder of listDependencies(newFolder)) {
    mkdirSync(dirname(join(newFolder, folder)), { recursive: true });
    cpSync(join(root, folder), join(newFolder, folder), { recursive: true });
  }
  rmSync(packageFolder, { recursive: true, force: true });
  renameSync(newFolder, packageFolder);
  mkdirSync(join(prefix, 'bin'), { recursive: true });
  for (const program of ['iam-token', 'iam-tokend', 'docker-credential-iam-token']) {
    rmSync(join(prefix, 'bin', program), { force: true });
    symlinkSync(join(packageFolder, `dist/bin/${program}.js`), join(prefix, 'bin', program));
  }
}

/** The folders of all packages that it requires, and that this checkout has. */
function listDependencies(packageFolder: string): ReadonlySet<string> {
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(packageFolder, 'package.json'), 'utf8'),
  ) as LockedPackage;
  const folders = Object.keys({ ...dependencies, ...optionalDependencies }).map(
    (name) => `node_modules/${name}`,
  );
  const tree = folders.flatMap((folder) => [folder, ...resolveDependencyTree(lockfile, folder)]);
  return new Set(tree.filter((folder) => existsSync(join(root, folder))));
}
