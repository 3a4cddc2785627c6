// Compiles src and test with tsc into dist/src and dist/test, for the tests. Then bundles with esbuild:
// - each program of src/bin into dist/bin/NAME.js, as CommonJS, because Node starts that 5 ms faster than ES modules, and each
//   package that is loaded on demand into dist/bin/package-NAME.js;
// - the library (`iam-tokend/client`, `iam-tokend/adapters`) into dist/library/esm and dist/library/cjs, with its types.
// Programs load only keytar and the optional koffi at run time; everything else is in the bundles. The manual pages in
// dist/man are generated from the tables of options. scripts/build-native.mjs compiles the native client.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeVscodePackage } from './generate/vscode-package.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// The native clients of all systems take minutes to build: they stay as long as their source does.
mkdirSync('dist', { recursive: true });
for (const name of readdirSync('dist')) if (name !== 'native') rmSync(`dist/${name}`, { recursive: true });
const tsc = ['node_modules/typescript/bin/tsc', '--project', '.'];
if (spawnSync(process.execPath, tsc, { stdio: 'inherit' }).status !== 0) process.exit(1);

const { engines, optionalDependencies, version } = JSON.parse(readFileSync('package.json', 'utf8'));
// Bundles that import() loads on demand. `iam-token` prints a token 2 ms faster without parsing them.
const lazyBundles = {
  'run-command-line.ts': { in: 'src/cli/run-command-line.ts', out: 'iam-token-commands' },
  'find-daemon.ts': { in: 'src/client/find-daemon.ts', out: 'iam-token-find-daemon' },
  'run-doctor.ts': { in: 'src/cli/doctor/run-doctor.ts', out: 'iam-token-doctor' },
};
// Packages that import() loads on demand: in one file each, because Node finds and reads dozens of files slowly, and each only
// with what the programs use of it, because a daemon keeps in memory what it has loaded.
const lazyPackages = {
  jose: `export { SignJWT } from 'jose';`,
  'prom-client': `
    exports.Registry = require('prom-client/lib/registry');
    exports.Gauge = require('prom-client/lib/gauge');
    exports.Counter = require('prom-client/lib/counter');`,
  undici: `
    exports.Agent = require('undici/lib/dispatcher/agent');
    exports.fetch = require('undici/lib/web/fetch').fetch;`,
  winston: `
    exports.createLogger = require('winston/lib/winston/create-logger');
    exports.format = require('logform').format;
    exports.transports = { Stream: require('winston/lib/winston/transports/stream') };`,
  yaml: `export { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';`,
};
const lazyPlugin = {
  name: 'lazy',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^/ }, ({ kind, path }) => {
      if (kind !== 'dynamic-import') return undefined;
      if (path.startsWith('.')) return { path: `./${lazyBundles[basename(path)].out}.js`, external: true };
      return path in lazyPackages ? { path: `./package-${path}.js`, external: true } : undefined;
    }),
};
// Modules of Node that these packages load for what the daemon does not use: TLS and UDP as transports, and HTTP/2. They get
// an empty one; undici expects that of a Node without HTTP/2.
const unusedModules = { 'node-ipc': ['node:dgram', 'node:tls'], undici: ['node:http2'] };
const unusedModulesPlugin = {
  name: 'unused-modules',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:/ }, ({ importer, path }) => {
      const [, name] = /[\\/]node_modules[\\/]([^\\/]+)[\\/]/.exec(importer) ?? [];
      return unusedModules[name]?.includes(path) ? { path, namespace: 'unused' } : undefined;
    });
    onLoad({ filter: /^/, namespace: 'unused' }, () => ({ contents: 'exports.constants = {};' }));
  },
};
const bundledPackages = new Set();
await buildPrograms();
await buildLibrary('esm', 'module');
await buildLibrary('cjs', 'commonjs');
writeLicenses();
spawnSync(process.execPath, ['scripts/build-native.mjs', '--host'], { stdio: 'inherit' });
const { writeManualPages } = await import('./generate/manual-pages.mjs');
await writeManualPages();
writeVscodePackage({ version });

// Code that ends a program of another release of Node with one sentence, in the syntax of Node 10. For the files that are
// loaded first: Node parses a whole file before it runs the first line.
function checkNode(reportError) {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node);
  const message = `'Node ${major}.${minor} or later is required; this is Node ' + process.versions.node`;
  return (
    `(function (version) { if (version[0] < ${major} || (version[0] == ${major} && version[1] < ${minor})) ` +
    `{ ${reportError(message)} } })(process.versions.node.split('.'));`
  );
}

async function buildPrograms() {
  const { closedInspectorOption } = await import('../dist/src/platform/inspector-option.js');
  // -S: coreutils 8.30, macOS, FreeBSD. npm's programs for Windows take the option from this line.
  const shebang = `#!/usr/bin/env -S node ${closedInspectorOption}`;
  const programStart = (name) =>
    `${shebang}\n${checkNode((message) => `process.stderr.write('${name}: error: ' + ${message} + '\\n'); process.exit(1);`)}`;
  const options = {
    outdir: 'dist/bin',
    format: 'cjs',
    // A native library has its own files.
    external: ['keytar', ...Object.keys(optionalDependencies)],
    // In place of import.meta.url, node-ipc passes it to createRequire, which takes a path too.
    define: { 'import.meta.filename': '__filename', 'import.meta.url': '__filename' },
    plugins: [lazyPlugin, unusedModulesPlugin],
    // A real import() would start Node's ES module loader, which takes 25 ms; esbuild emits require() instead.
    supported: { 'dynamic-import': false },
    // Node reads comments and indentation too. Names stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
  };
  await bundle({
    ...options,
    entryPoints: [{ in: 'src/bin/iam-token.ts', out: 'iam-token' }],
    // One more file to load would take 0.3 ms, so this one is in old syntax as a whole.
    target: 'node10',
    banner: { js: programStart('iam-token') },
  });
  await bundle({
    ...options,
    entryPoints: [
      ...Object.values(lazyBundles),
      { in: 'src/bin/iam-tokend.ts', out: 'iam-tokend-main' },
      { in: 'src/bin/keychain-helper.ts', out: 'keychain-helper' },
    ],
  });
  for (const [name, contents] of Object.entries(lazyPackages)) {
    const stdin = { contents, resolveDir: '.' };
    await bundle({ ...options, outdir: undefined, stdin, outfile: `dist/bin/package-${name}.js` });
  }
  writeEntries(shebang, programStart);
}

function writeEntries(shebang, programStart) {
  writeFileSync(
    'dist/bin/iam-tokend.js',
    `${programStart('iam-tokend')}\nrequire('./iam-tokend-main.js');\n`,
  );
  // Docker runs a program of this name.
  writeFileSync(
    'dist/bin/docker-credential-iam-token.js',
    `${shebang}\nprocess.argv.splice(2, 0, 'docker-credential');\nrequire('./iam-token.js');\n`,
  );
  for (const name of ['iam-token', 'iam-tokend', 'docker-credential-iam-token'])
    chmodSync(`dist/bin/${name}.js`, 0o755);
  writeFileSync('dist/bin/package.json', '{"type":"commonjs"}\n');
}

async function buildLibrary(format, type) {
  const outdir = `dist/library/${format}`;
  const entries = ['client/iam-token-client', 'client/adapters'];
  // The adapters load the client's file, so that a program has one class IamTokenError.
  const sharedClientPlugin = {
    name: 'shared-client',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^\.\/iam-token-client\.ts$/ }, () => ({
        path: './iam-token-client.js',
        external: true,
      })),
  };
  await bundle({
    outdir,
    format,
    outbase: 'src',
    entryPoints: entries.map((entry) => `src/${entry}.ts`),
    plugins: [sharedClientPlugin],
    target: 'node10',
    banner: { js: checkNode((message) => `throw new Error('iam-tokend: ' + ${message});`) },
  });
  for (const file of declarationFiles(entries.map((entry) => `${entry}.d.ts`))) {
    mkdirSync(dirname(join(outdir, file)), { recursive: true });
    copyFileSync(join('dist/src', file), join(outdir, file));
  }
  writeFileSync(`${outdir}/package.json`, `{"type":"${type}"}\n`);
}

async function bundle({ supported, ...options }) {
  const { metafile } = await build({
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    // Node has them; without this, esbuild emits `new RegExp` for those of valibot too, and cannot drop the unused ones.
    // Node 10 has no `node:` modules; there the programs end before they load one.
    supported: {
      'regexp-unicode-property-escapes': true,
      'node-colon-prefix-import': true,
      'node-colon-prefix-require': true,
      ...supported,
    },
    logLevel: 'warning',
    metafile: true,
    ...options,
  });
  for (const input of Object.keys(metafile.inputs)) {
    const [folder] = /^(?:node_modules\/(?:@[^/]+\/)?[^/]+\/)+/.exec(input) ?? [];
    if (folder !== undefined) bundledPackages.add(folder.slice(0, -1));
  }
}

// The entries and what they import, below dist/src.
function declarationFiles(entries) {
  const files = new Set(entries);
  for (const file of files) {
    const code = readFileSync(join('dist/src', file), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
    for (const [, name] of code.matchAll(/(?:\bfrom |\bimport\()['"](.+?)['"]/g)) {
      if (!name.startsWith('.')) throw new Error(`the public types import ${name}, in ${file}`);
      files.add(join(dirname(file), name.replace(/ts$/, 'd.ts')));
    }
  }
  return files;
}

// The licence of a package must accompany a copy of its code.
function writeLicenses() {
  const folders = [...bundledPackages].map(String).toSorted();
  const licenses = folders.map((folder) => {
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const name = folder.replace(/^.*node_modules\//, '');
    return `${name}\n\n${readFileSync(`${folder}/${file}`, 'utf8')}`;
  });
  writeFileSync('dist/third-party-licenses.txt', licenses.join('\n\n'));
  // For the SBOM of a release.
  writeFileSync('dist/bundled-packages.json', `${JSON.stringify(folders, null, 2)}\n`);
}
