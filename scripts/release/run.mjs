// Builds a release: npm run release -- [--output FOLDER] [--skip-checks] [--image-base FOLDER]
//   iam-tokend-VERSION.tgz                  the package of npm
//   iam-tokend-VERSION-linux-ARCH.tar.gz    with a Node of its own, for x64 and arm64
//   iam-tokend_VERSION_ARCH.deb             the same for Debian
//   iam-tokend-VERSION-image.tar            the container image for this machine's architecture
//   iam-tokend-VERSION.cdx.json             the SBOM
//   RELEASE_NOTES.md, SHA256SUMS
// --output FOLDER writes there instead of dist/release. --skip-checks is for a commit whose checks have run: without
// scripts/test and lintian. --image-base FOLDER keeps the base of the image there for the next build.
//
// The same commit gives the same bytes in every folder: each date is SOURCE_DATE_EPOCH, by default that of the commit.
// Needs Debian, root (for the image), npm's registry, Debian's mirror, and the programs in tools.mjs.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process, { argv, chdir, env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { hasAllNativeClients, hashOf } from '../native-clients.mjs';
import { checkDebian, packDebian } from './debian-package.mjs';
import { createPackageTree, packTree } from './package-tree.mjs';
import { cutReleaseNotes } from './release-notes.mjs';
import { writeSbom } from './sbom.mjs';
import { architectures, installTools, read, requirePrograms, run } from './tools.mjs';

/** The limit of a self-contained package. */
const maxPackageBytes = 60_000_000;

function parseOptions(words) {
  const options = { output: 'dist/release', isChecking: true };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === '--skip-checks') options.isChecking = false;
    else if (word === '--output' && words[index + 1] !== undefined) options.output = words[(index += 1)];
    else if (word === '--image-base' && words[index + 1] !== undefined)
      options.imageBase = words[(index += 1)];
    else throw new Error(`unexpected argument "${word}"`);
  }
  return options;
}

const say = (text) => void process.stdout.write(`${text}\n`);

/** Builds what dist has, and checks it. */
function build({ isChecking }) {
  const changes = read('git', ['status', '--porcelain']);
  if (isChecking && changes !== '') throw new Error(`the checkout has changes:\n${changes}`);
  run('scripts/install-dependencies', ['npm']);
  installTools();
  if (!hasAllNativeClients()) run('npm', ['run', '--silent', 'build:native']);
  if (isChecking) run('scripts/test', []);
  else run('npm', ['run', '--silent', 'build']);
}

/** npm keeps the mode of a file, which depends on the umask of the clone: so it packs the files twice. */
function packForNpm(folder, output) {
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination'];
  const name = read('npm', [...pack, folder]);
  const files = join(folder, 'package');
  run('tar', ['-xzf', join(folder, name), '-C', folder, '--no-same-owner']);
  run('chmod', ['-R', 'u=rwX,go=rX', files]);
  read('npm', [...pack, output], { cwd: files });
  return join(output, name);
}

async function packAll(output, epoch, { isChecking, imageBase }) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { closedInspectorOption } = await import('../../dist/src/platform/inspector-option.js');
  const notes = cutReleaseNotes(version);
  const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-release-'));
  try {
    const tarball = packForNpm(folder, output);
    for (const arch of Object.keys(architectures)) {
      const name = `iam-tokend-${version}-linux-${arch}`;
      createPackageTree(join(folder, name), arch, tarball, [closedInspectorOption]);
      packTree(folder, name, output, epoch);
      const debian = await packDebian(join(folder, name), arch, version, output, epoch);
      rmSync(join(folder, name), { recursive: true });
      if (isChecking) checkDebian(debian);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const imageOptions = imageBase === undefined ? [] : ['--base-cache', imageBase];
  const image = join(output, `iam-tokend-${version}-image.tar`);
  run('scripts/image/build', ['--output', image, ...imageOptions]);
  await writeSbom(join(output, `iam-tokend-${version}.cdx.json`));
  writeFileSync(join(output, 'RELEASE_NOTES.md'), notes);
}

function writeSums(output) {
  const names = readdirSync(output).toSorted();
  for (const name of names) {
    const path = join(output, name);
    const bytes = readFileSync(path).length;
    if (/\.deb$|linux-\w+\.tar\.gz$/.test(name) && bytes > maxPackageBytes)
      throw new Error(`${name} has ${bytes} bytes, more than ${maxPackageBytes}`);
    appendFileSync(join(output, 'SHA256SUMS'), `${hashOf(path)}  ${name}\n`);
    say(`${(bytes / 1e6).toFixed(1).padStart(6)} MB  ${name}`);
  }
}

chdir(fileURLToPath(new URL('../..', import.meta.url)));
process.umask(0o022);
try {
  const options = parseOptions(argv.slice(2));
  const epoch = Number(env['SOURCE_DATE_EPOCH'] ?? read('git', ['log', '-1', '--format=%ct']));
  Object.assign(env, { SOURCE_DATE_EPOCH: String(epoch), TZ: 'UTC', LC_ALL: 'C.UTF-8' });
  requirePrograms(options.isChecking);
  build(options);
  const output = resolve(options.output);
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  await packAll(output, epoch, options);
  writeSums(output);
} catch (error) {
  process.stderr.write(`release: error: ${error.message}\n`);
  process.exitCode = 1;
}
