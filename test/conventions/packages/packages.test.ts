import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { version } from '../../../src/shared/version.ts';
import { unpackTarball } from '../../support/processes/package-tarball.ts';
import {
  listInstalledFiles,
  isSupportedOn,
  lockfile,
  type LockedPackage,
  type Lockfile,
  manifest,
  resolveDependencyTree,
  resolvePackageFolder,
} from './package-tree.ts';
import { root } from '../source-tree.ts';

const allPlatformFolders = resolveDependencyTree(lockfile, '');
/** What a person gets on a machine like this one. */
const installedFolders = allPlatformFolders.filter((folder) =>
  isSupportedOn(lockfile[folder] ?? { version: '' }, process.platform, process.arch),
);

const exactVersion = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+$/;

/** Earlier versions of node-ipc stole credentials or destroyed files; this one was read. */
const pinnedNodeIpc = {
  version: '14.0.0',
  integrity:
    'sha512-d5+aogND4Gk6aQkW5KCibliM4Mn12+isHXt8wFghO4Bn0gBSnev3TXJWQ4eEnzrlh5gCG+nwQEZwyayeDtQxQA==',
};

/** Modules that node-ipc, a socket library, has no use for: two of its former versions had, to send secrets away. */
const processOrHttpModule = /(['"`])(?:node:)?(?:child_process|https?|http2)\1/;

/** A script of these would run at `npm install`; we install with `--ignore-scripts`, a person may not. */
const allowedInstallScripts = new Map([
  ['node_modules/keytar', 'it finds its prebuilt binary without'],
  ['node_modules/koffi', 'its prebuilt binary comes in a package of its own'],
]);

const installScripts = ['preinstall', 'install', 'postinstall'];

function readManifest(folder: string): {
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, string>>;
} {
  const file = listInstalledFiles(folder).find(({ path }) => path.endsWith(`${folder}/package.json`));
  return JSON.parse(file?.text() ?? '{}') as ReturnType<typeof readManifest>;
}

/** What npm would run: a script, or node-gyp where there is a binding.gyp. */
function listInstallScripts(folder: string): readonly string[] {
  const { scripts = {} } = readManifest(folder);
  const binding = listInstalledFiles(folder).filter(({ path }) => path.endsWith(`${folder}/binding.gyp`));
  return [...installScripts.filter((name) => name in scripts), ...binding.map(() => 'binding.gyp')];
}

function findInstallScripts(packages: Lockfile, folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => packages[folder]?.hasInstallScript === true || listInstallScripts(folder).length > 0)
    .filter((folder) => !allowedInstallScripts.has(folder));
}

describe('version', () => {
  it('equals the version of package.json', () => assert.equal(version, manifest.version));
});

describe('installed packages', () => {
  it('include node-ipc at exactly the reviewed version and content', () => {
    assert.equal(manifest.dependencies['node-ipc'], pinnedNodeIpc.version);
    const locked = lockfile['node_modules/node-ipc'];
    assert.equal(locked?.version, pinnedNodeIpc.version);
    assert.equal(locked.integrity, pinnedNodeIpc.integrity);
    const copies = Object.keys(lockfile).filter((folder) => folder.endsWith('node_modules/node-ipc'));
    assert.deepEqual(copies, ['node_modules/node-ipc']);
  });

  it('D10: are in the tarball, or required by an exact version, so that an installation has those of the lockfile', () => {
    const isBundled = (folder: string): boolean => lockfile[folder]?.inBundle === true;
    const ranges = ['', ...resolveDependencyTree(lockfile, '')].flatMap((folder) =>
      Object.entries({ ...lockfile[folder]?.dependencies, ...lockfile[folder]?.optionalDependencies })
        .filter(([, range]) => !exactVersion.test(range))
        .filter(([name]) => {
          const dependency = resolvePackageFolder(lockfile, folder, name);
          // A range of a dependency is met by the package that this project requires by an exact version.
          return !isBundled(dependency) && !(name in manifest.dependencies);
        })
        .map(([name, range]) => `${folder}: ${name} ${range}`),
    );
    assert.deepEqual(ranges, []);
    const bundled = Object.keys(lockfile).filter(isBundled);
    assert.ok(bundled.includes('node_modules/winston') && bundled.includes('node_modules/async'));
  });

  it('include node-ipc, winston and their dependencies in the tarball', () => {
    const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-packed-'));
    try {
      unpackTarball(folder);
      for (const bundled of ['node_modules/node-ipc', 'node_modules/winston']) {
        for (const each of [bundled, ...resolveDependencyTree(lockfile, bundled)]) {
          const packed = JSON.parse(
            readFileSync(join(folder, each, 'package.json'), 'utf8'),
          ) as LockedPackage;
          assert.equal(packed.version, lockfile[each]?.version, each);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('have the versions of the lockfile', () => {
    const mismatchedFolders = installedFolders.filter((folder) => {
      // Where koffi is not to be had, others work without it.
      const isOptionalAndAbsent =
        readManifest(folder).version === undefined && lockfile[folder]?.optional === true;
      return readManifest(folder).version !== lockfile[folder]?.version && !isOptionalAndAbsent;
    });
    assert.deepEqual(mismatchedFolders, []);
  });

  it('are locked by integrity hash', () => {
    const entriesWithoutIntegrity = Object.entries(lockfile).filter(
      ([folder, { integrity }]) => folder !== '' && integrity === undefined,
    );
    assert.deepEqual(entriesWithoutIntegrity, []);
  });

  it('have no install script, except two that are not needed', () => {
    assert.deepEqual(findInstallScripts(lockfile, allPlatformFolders), []);
  });

  it('include nothing below node-ipc that starts a process or uses HTTP', () => {
    const folders = ['node_modules/node-ipc', ...resolveDependencyTree(lockfile, 'node_modules/node-ipc')];
    assert.ok(folders.length > 1);
    const code = folders
      .flatMap((folder) => listInstalledFiles(folder))
      .filter(({ path }) => /\.[cm]?js$/.test(path));
    assert.ok(code.length > folders.length, 'its files were found');
    const offendingPaths = code
      .filter((file) => processOrHttpModule.test(file.text()))
      .map(({ path }) => path);
    assert.deepEqual(offendingPaths, []);
  });

  it('are pinned to exact versions', () => {
    const unpinnedEntries = Object.entries({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.devDependencies,
    }).filter(([, range]) => !exactVersion.test(range));
    assert.deepEqual(unpinnedEntries, []);
  });

  it('are locked without a registry host', () => {
    const resolvedEntries = Object.entries(lockfile).filter(([, { resolved }]) => resolved !== undefined);
    assert.deepEqual(resolvedEntries, []);
    assert.match(readFileSync(`${root}/.npmrc`, 'utf8'), /^omit-lockfile-registry-resolved=true$/m);
    assert.doesNotMatch(readFileSync(`${root}/.npmrc`, 'utf8'), /registry\s*=|:\/\//);
  });

  it('are at most 45 and at most 25 MB for a user of iam-tokend', () => {
    const bytes = installedFolders
      .flatMap((folder) => listInstalledFiles(folder))
      .reduce((sum, file) => sum + file.bytes, 0);
    assert.ok(installedFolders.length <= 45, `${installedFolders.length} packages`);
    assert.ok(bytes <= 25_000_000, `${(bytes / 1_000_000).toFixed(1)} MB`);
    assert.ok(bytes > 1_000_000, 'they were found');
  });
});

/** The packages that the built files below `folder` load. */
function listLoadedPackages(folder: string): readonly string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .flatMap((path) => [
      ...readFileSync(join(root, folder, path), 'utf8').matchAll(
        /\b(?:require|import|createRequire\)\(\w+\))\("([^"]+)"\)|^(?:import|export)\b.*? from "([^"]+)";$/gm,
      ),
    ])
    .map(([, required = '', imported = required]) => imported)
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !isBuiltin(name));
  return [...new Set(names)].toSorted();
}

describe('the bundles', () => {
  it('of the programs contain or load each package that npm installs with them, and load no other', () => {
    const installed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    // keytar compiles with the headers of node-addon-api where it has no binary.
    const loaded = [...listLoadedPackages('dist/bin'), 'node-addon-api'];
    assert.deepEqual(loaded.toSorted(), ['keytar', 'koffi', 'node-addon-api']);
    const licences = readFileSync(`${root}/dist/third-party-licenses.txt`, 'utf8').split('\n');
    const contained = installed.filter((name) => licences.includes(name));
    assert.deepEqual([...loaded, ...contained].toSorted(), installed.toSorted());
  });

  it('of the library load no package', () => {
    assert.deepEqual(listLoadedPackages('dist/library'), []);
  });
});

describe('the package checks', () => {
  const locked: Lockfile = {
    '': { version: '1.0.0', dependencies: { a: '1.0.0' } },
    'node_modules/a': {
      version: '1.0.0',
      dependencies: { b: '^1.0.0' },
      optionalDependencies: { c: '^2.0.0' },
    },
    'node_modules/a/node_modules/b': {
      version: '1.0.0',
      dependencies: { c: '^1.0.0' },
      hasInstallScript: true,
    },
    'node_modules/b': { version: '2.0.0' },
    'node_modules/c': {
      version: '1.0.0',
      peerDependencies: { d: '*', e: '*' },
      peerDependenciesMeta: { e: { optional: true } },
    },
    'node_modules/d': { version: '1.0.0' },
    'node_modules/e': { version: '1.0.0' },
  };
  const tree = ['node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/c', 'node_modules/d'];

  it('resolve packages as Node does: nested and optional ones, but no optional peers', () => {
    assert.deepEqual(resolveDependencyTree(locked, '').toSorted(), tree);
  });

  it('find an install script, even if the lockfile does not list it', () => {
    assert.deepEqual(findInstallScripts(locked, tree), ['node_modules/a/node_modules/b']);
    assert.deepEqual(findInstallScripts({}, ['node_modules/esbuild']), ['node_modules/esbuild']);
    assert.notDeepEqual(listInstallScripts('node_modules/keytar'), []);
  });

  it('find a module that could send secrets, and a version range', () => {
    for (const code of ["import http from 'node:http';", 'require("child_process")', 'import(`https`)']) {
      assert.match(code, processOrHttpModule);
    }
    for (const code of ["import net from 'node:net';", "'http-errors'"])
      assert.doesNotMatch(code, processOrHttpModule);
    for (const range of [
      '^1.0.0',
      '~1.0.0',
      '1.x',
      '*',
      'latest',
      'npm:a@^1.0.0',
      'https://example.invalid/a.tgz',
    ]) {
      assert.doesNotMatch(range, exactVersion);
    }
    for (const range of ['1.0.0', 'npm:@github/keytar@7.10.6']) assert.match(range, exactVersion);
  });
});
