import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { version } from '../../../src/shared/version.ts';
import { type Lockfile, lockfile, resolveDependencyTree } from '../../conventions/packages/package-tree.ts';
import { root } from '../../conventions/source-tree.ts';

interface Component {
  readonly name: string;
  readonly group?: string;
  readonly version: string;
  readonly licenses?: readonly unknown[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}
interface Sbom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly components: readonly Component[];
}

const architectures = { x64: 'amd64', arm64: 'arm64' };
const tools = join(root, 'scripts/release');
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const nameOf = ({ group, name }: Component): string => (group === undefined ? name : `${group}/${name}`);
const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** What is in the files of a release. @param path of one of them */
export function describeContents(path: (name: string) => string): void {
  const archive = (arch: string): string => path(`iam-tokend-${version}-linux-${arch}.tar.gz`);
  const readSbom = (): Sbom => readJson(path(`iam-tokend-${version}.cdx.json`)) as Sbom;
  const isListed = (name: string, exactVersion: string): boolean =>
    readSbom().components.some((each) => nameOf(each) === name && each.version === exactVersion);

  it('19.5: the SBOM is valid by the schema of CycloneDX, and a wrong one would not be', () => {
    const text = readFileSync(path(`iam-tokend-${version}.cdx.json`), 'utf8');
    const broken = text.replace('"type": "library"', '"type": "book"');
    const validate = (input: string): string => {
      const script = `import { validateSbom } from './scripts/release/sbom.mjs'; import { text } from 'node:stream/consumers'; await validateSbom(await text(process.stdin))`;
      const args = ['--input-type=module', '--eval', script];
      return spawnSync(process.execPath, args, { cwd: root, input, encoding: 'utf8' }).stderr;
    };
    assert.equal(validate(text), '');
    assert.match(validate(broken), /the SBOM is invalid:\n\/metadata\/tools\/components\/1\/type: /);
  });

  it('19.5: the SBOM lists each package that esbuild read for the bundles, and each that npm installs', () => {
    const bundled = readJson(join(root, 'dist/bundled-packages.json')) as readonly string[];
    assert.ok(bundled.length > 20);
    const { components } = readSbom();
    const listed = components.flatMap(({ properties = [] }) =>
      properties.filter(({ name }) => name === 'cdx:npm:package:path').map(({ value }) => value),
    );
    const expected = [...bundled, ...resolveDependencyTree(lockfile, '')];
    assert.deepEqual(
      expected.filter((each) => !listed.includes(each)),
      [],
    );
    assert.ok(!listed.includes('node_modules/typescript'), 'and no tool');
    for (const component of components)
      assert.ok((component.licenses ?? []).length > 0, `the licence of ${component.name}`);
  });

  it('19.5: the SBOM lists each package that lies in the archives, by its version', () => {
    for (const name of [archive('x64'), archive('arm64'), path(`iam-tokend-${version}.tgz`)]) {
      const args = [
        '--extract',
        '--to-stdout',
        '--wildcards',
        '--file',
        name,
        '*/node_modules/*/package.json',
      ];
      const manifests = execFileSync('tar', args, { encoding: 'utf8', maxBuffer: 2 ** 26 })
        .split(/(?<=^\}\s*)(?=\{)/m)
        .map((text) => JSON.parse(text) as { readonly name?: string; readonly version?: string })
        .filter(({ name: packageName, version: packageVersion }) => packageName && packageVersion);
      assert.ok(manifests.length >= 3, name);
      for (const manifest of manifests)
        assert.ok(
          isListed(manifest.name ?? '', manifest.version ?? ''),
          `${manifest.name} ${manifest.version}`,
        );
    }
  });

  it('19.5: the Node of both architectures is that of npm’s package, unchanged, and in the SBOM', () => {
    const { packages } = readJson(join(tools, 'package-lock.json')) as { readonly packages: Lockfile };
    for (const arch of Object.keys(architectures)) {
      const nodeVersion = packages[`node_modules/node-linux-${arch}`]?.version ?? '';
      assert.ok(isListed('node', nodeVersion), nodeVersion);
      const member = `iam-tokend-${version}-linux-${arch}/lib/iam-tokend/dist/native/linux-${arch}/node`;
      const args = ['--extract', '--to-stdout', '--file', archive(arch), member];
      const packed = execFileSync('tar', args, { maxBuffer: 2 ** 28 });
      const published = readFileSync(join(tools, `node_modules/node-linux-${arch}/bin/node`));
      assert.equal(sha256(packed), sha256(published));
    }
  });

  it('19.5: every package of the release and of its tools is locked by a SHA-512 hash, without a host', () => {
    for (const folder of [root, tools]) {
      const text = readFileSync(join(folder, 'package-lock.json'), 'utf8');
      assert.doesNotMatch(text, /"resolved"/);
      const { packages } = JSON.parse(text) as { readonly packages: Lockfile };
      for (const [name, { integrity = '', inBundle = false }] of Object.entries(packages))
        assert.ok(name === '' || inBundle || integrity.startsWith('sha512-'), name);
    }
  });

  it('19.5: the Debian packages name their architecture, and what glibc they need', () => {
    for (const arch of Object.values(architectures)) {
      const args = ['--field', path(`iam-tokend_${version}_${arch}.deb`), 'Architecture', 'Depends'];
      const output = execFileSync('dpkg-deb', args, { encoding: 'utf8' });
      assert.match(output, new RegExp(`^Architecture: ${arch}\nDepends: libc6 \\(>= 2\\.28\\), `));
    }
  });

  it('19.5: the release notes are the section of CHANGELOG.md', () => {
    const notes = readFileSync(path('RELEASE_NOTES.md'), 'utf8');
    assert.ok(notes.startsWith(`# iam-tokend ${version}\n`));
    assert.match(notes, /^### Added$/m);
    assert.doesNotMatch(notes, /^## /m);
  });

  describe('for arm64, under qemu', () => {
    const library = '/usr/aarch64-linux-gnu';
    let folder: string;
    before(function () {
      if (!existsSync('/usr/bin/qemu-aarch64') || !existsSync(`${library}/lib/libstdc++.so.6`)) this.skip();
      folder = mkdtempSync(join(tmpdir(), 'iam-tokend-arm64-'));
      execFileSync('tar', ['--extract', '--file', archive('arm64'), '-C', folder, '--strip-components=1']);
    });
    after(() => {
      if (folder !== undefined) rmSync(folder, { recursive: true });
    });
    const emulate = (...args: readonly string[]): string => {
      const env = { ...process.env, XDG_RUNTIME_DIR: folder, XDG_CONFIG_HOME: folder, HOME: folder };
      const { stdout, stderr } = spawnSync('qemu-aarch64', ['-L', library, ...args], {
        env,
        encoding: 'utf8',
      });
      return stdout + stderr;
    };

    it('19.5: the native client, and Node with the daemon and koffi, start', () => {
      const packageFolder = join(folder, 'lib/iam-tokend');
      const node = join(packageFolder, 'dist/native/linux-arm64/node');
      const daemon = join(packageFolder, 'dist/bin/iam-tokend.js');
      assert.match(emulate(node, '--print', 'process.arch'), /^arm64\n/);
      assert.equal(emulate(node, daemon, '--version'), `iam-tokend ${version}\n`);
      const load = `process.chdir(${JSON.stringify(packageFolder)}); const load = require('module').createRequire(process.cwd() + '/dist/bin/x.js'); console.log(load('koffi').load('libc.so.6').func('int getpid()')() === process.pid)`;
      assert.equal(emulate(node, '--eval', load), 'true\n');
      assert.match(
        emulate(join(folder, 'bin/iam-token'), '--format', 'none', '--timeout', '1s'),
        /iam-token: error: /,
      );
    });
  });
}
