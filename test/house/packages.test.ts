import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { version } from '../../src/shared/version.ts';
import { unpackPacked } from '../support/packed-installation.ts';
import { installedFiles, isFor, lockfile, type Lockfile, manifest, treeOf } from './package-tree.ts';
import { root } from './source-tree.ts';

const ofAllPlatforms = treeOf(lockfile, '');
/** What a person gets on a machine like this one. */
const production = ofAllPlatforms.filter((folder) =>
  isFor(lockfile[folder] ?? { version: '' }, process.platform, process.arch),
);

const exactVersion = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+$/;

/** Earlier versions of node-ipc stole credentials or destroyed files; this one was read. */
const nodeIpc = {
  version: '14.0.0',
  integrity:
    'sha512-d5+aogND4Gk6aQkW5KCibliM4Mn12+isHXt8wFghO4Bn0gBSnev3TXJWQ4eEnzrlh5gCG+nwQEZwyayeDtQxQA==',
};

/** Modules that node-ipc, a socket library, has no use for: two of its former versions had, to send secrets away. */
const suspicious = /(['"`])(?:node:)?(?:child_process|https?|http2)\1/;

/** A script of these would run at `npm install`; we install with `--ignore-scripts`, a person may not. */
const mayHaveInstallScript = new Map([
  ['node_modules/keytar', 'it finds its prebuilt binary without'],
  ['node_modules/koffi', 'its prebuilt binary comes in a package of its own'],
]);

const installScripts = ['preinstall', 'install', 'postinstall'];

function manifestIn(folder: string): {
  readonly version?: string;
  readonly scripts?: Readonly<Record<string, string>>;
} {
  const file = installedFiles(folder).find(({ path }) => path.endsWith(`${folder}/package.json`));
  return JSON.parse(file?.text() ?? '{}') as ReturnType<typeof manifestIn>;
}

/** What npm would run: a script, or node-gyp where there is a binding.gyp. */
function installScriptsOf(folder: string): readonly string[] {
  const { scripts = {} } = manifestIn(folder);
  const binding = installedFiles(folder).filter(({ path }) => path.endsWith(`${folder}/binding.gyp`));
  return [...installScripts.filter((name) => name in scripts), ...binding.map(() => 'binding.gyp')];
}

function withInstallScript(packages: Lockfile, folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => packages[folder]?.hasInstallScript === true || installScriptsOf(folder).length > 0)
    .filter((folder) => !mayHaveInstallScript.has(folder));
}

describe('the release', () => {
  it('is the one of package.json, whoever is asked', () => assert.equal(version, manifest.version));
});

describe('the packages', () => {
  it('have node-ipc at exactly the version and content that was read', () => {
    assert.equal(manifest.dependencies['node-ipc'], nodeIpc.version);
    const locked = lockfile['node_modules/node-ipc'];
    assert.equal(locked?.version, nodeIpc.version);
    assert.equal(locked.integrity, nodeIpc.integrity);
    const copies = Object.keys(lockfile).filter((folder) => folder.endsWith('node_modules/node-ipc'));
    assert.deepEqual(copies, ['node_modules/node-ipc']);
  });

  it('have node-ipc in the packed tarball, with all that it needs', () => {
    const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-packed-'));
    try {
      unpackPacked(folder);
      for (const each of ['node_modules/node-ipc', ...treeOf(lockfile, 'node_modules/node-ipc')]) {
        assert.ok(existsSync(join(folder, each, 'package.json')), each);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are installed in the versions that are locked', () => {
    const others = production.filter((folder) => {
      // Where koffi is not to be had, others work without it.
      const isLeftOut = manifestIn(folder).version === undefined && lockfile[folder]?.optional === true;
      return manifestIn(folder).version !== lockfile[folder]?.version && !isLeftOut;
    });
    assert.deepEqual(others, []);
  });

  it('are all locked by their content', () => {
    const unlocked = Object.entries(lockfile).filter(
      ([folder, { integrity }]) => folder !== '' && integrity === undefined,
    );
    assert.deepEqual(unlocked, []);
  });

  it('have no install script, but for two that are not needed', () => {
    assert.deepEqual(withInstallScript(lockfile, ofAllPlatforms), []);
  });

  it('have nothing in the tree of node-ipc that starts a process or speaks HTTP', () => {
    const folders = ['node_modules/node-ipc', ...treeOf(lockfile, 'node_modules/node-ipc')];
    assert.ok(folders.length > 1);
    const code = folders
      .flatMap((folder) => installedFiles(folder))
      .filter(({ path }) => /\.[cm]?js$/.test(path));
    assert.ok(code.length > folders.length, 'its files were found');
    const found = code.filter((file) => suspicious.test(file.text())).map(({ path }) => path);
    assert.deepEqual(found, []);
  });

  it('are pinned exactly, each of them', () => {
    const loose = Object.entries({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.devDependencies,
    }).filter(([, range]) => !exactVersion.test(range));
    assert.deepEqual(loose, []);
  });

  it('are locked without the name of a host, so that any registry can serve them', () => {
    const hosts = Object.entries(lockfile).filter(([, { resolved }]) => resolved !== undefined);
    assert.deepEqual(hosts, []);
    assert.match(readFileSync(`${root}/.npmrc`, 'utf8'), /^omit-lockfile-registry-resolved=true$/m);
    assert.doesNotMatch(readFileSync(`${root}/.npmrc`, 'utf8'), /registry\s*=|:\/\//);
  });

  it('are at most 45, and at most 25 MB, for a person who installs this one', () => {
    const bytes = production
      .flatMap((folder) => installedFiles(folder))
      .reduce((sum, file) => sum + file.bytes, 0);
    assert.ok(production.length <= 45, `${production.length} packages`);
    assert.ok(bytes <= 25_000_000, `${(bytes / 1_000_000).toFixed(1)} MB`);
    assert.ok(bytes > 1_000_000, 'they were found');
  });
});

describe('the check of the packages', () => {
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

  it('follows the tree as Node would: nested packages, wanted ones, and no optional peer', () => {
    assert.deepEqual(treeOf(locked, '').toSorted(), tree);
  });

  it('finds an install script, also one that the lockfile does not tell of', () => {
    assert.deepEqual(withInstallScript(locked, tree), ['node_modules/a/node_modules/b']);
    assert.deepEqual(withInstallScript({}, ['node_modules/esbuild']), ['node_modules/esbuild']);
    assert.notDeepEqual(installScriptsOf('node_modules/keytar'), []);
  });

  it('finds a module that could send secrets away, and a version that could move', () => {
    for (const code of ["import http from 'node:http';", 'require("child_process")', 'import(`https`)']) {
      assert.match(code, suspicious);
    }
    for (const code of ["import net from 'node:net';", "'http-errors'"])
      assert.doesNotMatch(code, suspicious);
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
