import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { root } from '../conventions/source-tree.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const packagePath = join(root, 'dist/iam-tokend.vsix');

/** Reads the package with Python's zip and XML modules, which share no code with the build. */
const readPackage = `
import json, sys, zipfile
from xml.etree import ElementTree
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
strip = lambda tag: tag.split('}')[1]
elements = lambda name: [dict(element.attrib, tag=strip(element.tag)) for element in ElementTree.fromstring(archive.read(name)).iter()]
print(json.dumps({
  'files': {name: archive.read(name).decode() for name in archive.namelist()},
  'manifest': elements('extension.vsixmanifest'),
  'types': elements('[Content_Types].xml'),
}))`;

interface ExtensionPackage {
  readonly files: Readonly<Record<string, string>>;
  readonly manifest: readonly Readonly<Record<string, string>>[];
  readonly types: readonly Readonly<Record<string, string>>[];
}

describe('B12: package of the VS Code extension', () => {
  const folder = useTemporaryFolder();
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { readonly version: string };

  it('contains the extension and the manifest that VS Code reads', () => {
    const { files, manifest, types } = JSON.parse(
      execFileSync('python3', ['-c', readPackage, packagePath], { encoding: 'utf8' }),
    ) as ExtensionPackage;
    const source = JSON.parse(read('scripts/editors/vscode/package.json')) as Readonly<
      Record<string, unknown>
    >;
    assert.deepEqual(JSON.parse(files['extension/package.json'] ?? ''), { ...source, version });
    assert.equal(files['extension/extension.js'], read('scripts/editors/vscode/extension.js'));
    const find = (tag: string, id?: string) =>
      manifest.find((element) => element['tag'] === tag && (id === undefined || element['Id'] === id)) ?? {};
    assert.deepEqual(find('Identity'), {
      tag: 'Identity',
      Language: 'en-US',
      Id: source['name'],
      Version: version,
      Publisher: source['publisher'],
    });
    assert.equal(find('Property', 'Microsoft.VisualStudio.Code.Engine')['Value'], '^1.75.0');
    assert.equal(find('Property', 'Microsoft.VisualStudio.Code.ExtensionKind')['Value'], 'workspace');
    assert.equal(find('InstallationTarget')['Id'], 'Microsoft.VisualStudio.Code');
    const assets = manifest.filter(({ tag }) => tag === 'Asset').map(({ Path: path = '' }) => path);
    assert.ok(assets.includes('extension/package.json'));
    for (const path of [...assets, 'extension/extension.js']) assert.ok(path in files, path);
    const extensions = types.map(({ Extension: extension }) => extension);
    for (const name of Object.keys(files).filter((file) => !file.startsWith('[')))
      assert.ok(extensions.includes(extname(name)), name);
  });

  it('is the same from each build, in each time zone', () => {
    const script = `import { writeVscodePackage } from './scripts/generate/vscode-package.mjs';
      writeVscodePackage({ version: process.argv[1] }, process.argv[2]);`;
    for (const timeZone of ['Asia/Tokyo', 'America/Los_Angeles']) {
      const path = join(folder(), 'again.vsix');
      const args = ['--input-type=module', '--eval', script, version, path];
      execFileSync(process.execPath, args, { cwd: root, env: { ...process.env, TZ: timeZone } });
      assert.deepEqual(readFileSync(path), readFileSync(packagePath));
    }
  });

  it('is in the package for npm, and README and USAGE install it', () => {
    const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] };
    assert.ok(files.includes('dist/iam-tokend.vsix'));
    for (const document of ['README.md', 'USAGE.md'])
      assert.match(read(document), /code --install-extension [^`]*dist\/iam-tokend\.vsix/);
  });
});
