// The Debian package, from the tree of the self-contained package.
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { normalizeTree } from './package-tree.mjs';
import { architectures, run } from './tools.mjs';

const templates = 'scripts/release/debian';
const maintainer = 'iam-tokend authors <iam-tokend@users.noreply.github.com>';

/**
 * @param tree with bin, lib and share
 * @returns the path of the package
 */
export async function packDebian(tree, arch, version, output, epoch) {
  const folder = `${tree}.debian`;
  mkdirSync(join(folder, 'usr'), { recursive: true });
  for (const name of ['bin', 'lib', 'share'])
    cpSync(join(tree, name), join(folder, 'usr', name), { recursive: true, verbatimSymlinks: true });
  await addUnits(folder, arch);
  addDocuments(folder, version, epoch);
  addControlFiles(folder, arch, version);
  normalizeTree(folder, epoch);
  const path = join(output, `iam-tokend_${version}_${architectures[arch]}.deb`);
  run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z6', '--build', folder, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(folder, { recursive: true });
  return path;
}

/** Those that `iam-token install` of this package would write. */
async function addUnits(folder, arch) {
  const { daemonCommand, packagedNodePath } = await import('../../dist/src/service/service-node.js');
  const { defineSystemdSystemUnits, defineSystemdUnits } =
    await import('../../dist/src/service/systemd-units.js');
  const dist = '/usr/lib/iam-tokend/dist';
  const node = packagedNodePath(`${dist}/native/linux-${arch}`, 'linux');
  const command = daemonCommand(node, `${dist}/bin/iam-tokend.js`);
  for (const service of [defineSystemdUnits('', null, ''), defineSystemdSystemUnits()]) {
    for (const { packagedPath, templatePath } of service.files) {
      if (packagedPath === undefined) continue;
      mkdirSync(dirname(join(folder, packagedPath)), { recursive: true });
      const text = service.fillTemplate(readFileSync(templatePath, 'utf8'), command);
      writeFileSync(join(folder, packagedPath), text);
    }
  }
}

function addDocuments(folder, version, epoch) {
  const documents = join(folder, 'usr/share/doc/iam-tokend');
  rmSync(join(documents, 'LICENSE'));
  const licences = readFileSync('dist/third-party-licenses.txt', 'utf8');
  const copyright = readFileSync(`${templates}/copyright`, 'utf8');
  writeFileSync(join(documents, 'copyright'), copyright);
  writeFileSync(join(documents, 'third-party-licenses.txt'), licences);
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  writeFileSync(
    join(documents, 'changelog'),
    `iam-tokend (${version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${maintainer}  ${date}\n`,
  );
  const pages = join(folder, 'usr/share/man');
  const files = readdirSync(pages, { recursive: true }).map((name) => join(pages, name));
  for (const path of [...files.filter((file) => statSync(file).isFile()), join(documents, 'changelog')])
    run('gzip', ['-9', '--no-name', path]);
  renameSync(join(documents, 'CHANGELOG.md'), join(documents, 'NEWS.md'));
  const overrides = join(folder, 'usr/share/lintian/overrides/iam-tokend');
  mkdirSync(dirname(overrides), { recursive: true });
  cpSync(`${templates}/lintian-overrides`, overrides);
}

function addControlFiles(folder, arch, version) {
  const control = join(folder, 'DEBIAN');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const sums = files.map(
    (path) => `${createHash('md5').update(readFileSync(path)).digest('hex')}  ${relative(folder, path)}\n`,
  );
  mkdirSync(control);
  for (const name of ['postinst', 'prerm', 'postrm']) cpSync(`${templates}/${name}`, join(control, name));
  writeFileSync(join(control, 'md5sums'), sums.join(''));
  const text = readFileSync(`${templates}/control`, 'utf8')
    .replace('VERSION', version)
    .replace('ARCHITECTURE', architectures[arch])
    .replace('MAINTAINER', maintainer)
    .replace('KIBIBYTES', String(Math.ceil(bytes / 1024)));
  writeFileSync(join(control, 'control'), text);
}

/** @throws Error if lintian finds an error that no override explains */
export function checkDebian(path) {
  if (!existsSync(path)) throw new Error(`${path} does not exist`);
  run('lintian', ['--fail-on', 'error', '--tag-display-limit', '0', '--allow-root', path]);
}
