// The self-contained packages: the package of npm with a Node of its own, in the layout of /usr.
import {
  chmodSync,
  cpSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { run, toolsFolder } from './tools.mjs';

const libraryFolder = 'lib/iam-tokend';

/** Where a shell looks for completions, in the layout of a distribution. */
const completions = {
  bash: 'share/bash-completion/completions/iam-token',
  zsh: 'share/zsh/vendor-completions/_iam-token',
  fish: 'share/fish/vendor_completions.d/iam-token.fish',
};

/**
 * Fills `folder` with bin, lib and share.
 * @param tarball of npm
 * @param options of Node for each program
 */
export function createPackageTree(folder, arch, tarball, options) {
  const library = join(folder, libraryFolder);
  mkdirSync(library, { recursive: true });
  run('tar', ['-xzf', tarball, '-C', library, '--strip-components=1', '--no-same-owner']);
  addNode(library, arch);
  addNativePackages(library, arch);
  addPrograms(folder, library, arch, options);
  moveShared(folder, library);
}

/** The Node of npm's package as it is published, without npm, beside the native client. */
function addNode(library, arch) {
  const native = join(library, 'dist/native');
  for (const name of readdirSync(native)) {
    if (name !== `linux-${arch}`) rmSync(join(native, name), { recursive: true });
  }
  const source = `${toolsFolder}/node-linux-${arch}`;
  cpSync(`${source}/bin/node`, join(native, `linux-${arch}/node`));
  cpSync(`${source}/LICENSE`, join(library, 'dist/node-license.txt'));
}

/** The packages that the bundles do not contain, because they have native code: without sources and other systems. */
function addNativePackages(library, arch) {
  const modules = join(library, 'node_modules');
  rmSync(modules, { recursive: true });
  const copy = (source, name, isWanted) =>
    cpSync(source, join(modules, name), { recursive: true, filter: (path) => isWanted(path) });
  const isDirectory = (path) => lstatSync(path).isDirectory();
  const isCode = (path) => /\.(?:c?js|json|node)$|licen[cs]e/i.test(basename(path));
  copy('node_modules/keytar', 'keytar', (path) =>
    path.includes('/prebuilds/')
      ? path.includes(`/prebuilds/linux-${arch}`)
      : !/\/keytar\/(?:src|script)$/.test(path) && (isDirectory(path) || isCode(path)),
  );
  copy('node_modules/koffi', 'koffi', (path) =>
    isDirectory(path) ? !/\/koffi\/(?:doc|vendor|lib)$/.test(path) : isCode(path),
  );
  const binary = `@koromix/koffi-linux-${arch}`;
  copy(
    `${toolsFolder}/${binary}`,
    binary,
    (path) => !path.includes('/musl_') && (isDirectory(path) || isCode(path)),
  );
  removeEmptyFolders(modules);
}

/** @returns whether the folder was removed */
function removeEmptyFolders(folder) {
  const folders = readdirSync(folder, { withFileTypes: true });
  const kept = folders.filter(
    (entry) => !entry.isDirectory() || !removeEmptyFolders(join(folder, entry.name)),
  );
  if (kept.length === 0) rmSync(folder, { recursive: true });
  return kept.length === 0;
}

/** Programs for PATH: they find their package through links, and never use another Node. */
function addPrograms(folder, library, arch, options) {
  const native = `dist/native/linux-${arch}`;
  const launcher = (command) =>
    `#!/bin/sh\n# With the Node of this package, which it finds through links.\npackage=$(dirname "$(readlink -f "$0")")/..\nexec ${command} "$@"\n`;
  const programs = {
    'iam-tokend': launcher(
      `"$package/${native}/node" ${options.join(' ')} "$package/dist/bin/iam-tokend.js"`,
    ),
    'docker-credential-iam-token': launcher(`"$package/${native}/iam-token" docker-credential`),
  };
  mkdirSync(join(library, 'bin'));
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(library, 'bin', name), text);
  const links = { 'iam-token': `${native}/iam-token` };
  for (const name of Object.keys(programs)) links[name] = `bin/${name}`;
  mkdirSync(join(folder, 'bin'));
  for (const [name, target] of Object.entries(links))
    symlinkSync(`../${libraryFolder}/${target}`, join(folder, 'bin', name));
}

/** Manual pages, completions and documents, where other programs look for them. */
function moveShared(folder, library) {
  const put = (source, target) => {
    mkdirSync(dirname(join(folder, target)), { recursive: true });
    cpSync(source, join(folder, target));
  };
  for (const page of readdirSync(join(library, 'dist/man')))
    put(join(library, 'dist/man', page), `share/man/man${page.at(-1)}/${page}`);
  rmSync(join(library, 'dist/man'), { recursive: true });
  for (const [shell, target] of Object.entries(completions)) {
    const text = readFileSync(join(library, `scripts/shells/iam-token.${shell}`), 'utf8');
    mkdirSync(dirname(join(folder, target)), { recursive: true });
    // zsh takes a file that begins with this line for the body of a function, and runs it at the first Tab.
    const file = shell === 'zsh' ? `#compdef iam-token\n${text}_iam_token "$@"\n` : text;
    writeFileSync(join(folder, target), file);
  }
  for (const name of readdirSync(library).filter((entry) => /\.md$|^LICENSE$/.test(entry))) {
    put(join(library, name), `share/doc/iam-tokend/${name}`);
    rmSync(join(library, name));
  }
}

/** Gives every file the same mode and time, whatever the umask and the clock. */
export function normalizeTree(folder, epoch) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink()) chmodSync(path, entry.isDirectory() || isProgram(path) ? 0o755 : 0o644);
    lutimesSync(path, epoch, epoch);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, epoch, epoch);
}

function isProgram(path) {
  return (
    /\/lib\/iam-tokend\/(?:bin\/[\w-]+|dist\/native\/[\w-]+\/[\w-]+)$/.test(path) ||
    /\/DEBIAN\/(?:postinst|prerm|postrm)$/.test(path)
  );
}

/** @param name of the folder in the archive, and of the archive */
export function packTree(folder, name, output, epoch) {
  normalizeTree(join(folder, name), epoch);
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  const archive = join(output, `${name}.tar.gz`);
  const compression = '--use-compress-program=gzip -6 --no-name';
  const args = ['--create', '--format=ustar', '--sort=name', `--mtime=@${epoch}`, ...owner, compression];
  run('tar', [...args, '--file', archive, '-C', folder, name]);
}
