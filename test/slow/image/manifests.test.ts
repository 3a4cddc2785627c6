import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { root } from '../../conventions/source-tree.ts';
import { readManifests } from '../../support/containers/pod-manifest.ts';

const packages = join(root, 'test/slow/kubernetes/node_modules');
const models = join(packages, 'kubernetes-models');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Where kubernetes-models has a kind: by its group and version. */
const moduleOf = ({ apiVersion, kind }: Manifest): string => `${apiVersion}/${kind}`;

async function findSchemaErrors(manifest: Manifest): Promise<unknown> {
  const url = pathToFileURL(join(models, `${moduleOf(manifest)}.js`)).href;
  const module = (await import(url)) as Readonly<Record<string, new (data: unknown) => { validate(): void }>>;
  const Model = module[manifest.kind] ?? assert.fail(`no schema of ${manifest.kind}`);
  try {
    new Model(manifest).validate();
    return null;
  } catch (error) {
    return error;
  }
}

/** The schemas allow unknown fields; the types, which are generated from the same document, do not. */
function findTypeErrors(manifests: readonly Manifest[]): string {
  const folder = mkdtempSync(join(root, 'dist/test/manifests-'));
  try {
    const lines = manifests.map(
      (manifest, index) =>
        `import type { I${manifest.kind} as Kind${index} } from '${models}/${moduleOf(manifest)}.js';\nexport const value${index}: Kind${index} = ${JSON.stringify(manifest)};`,
    );
    writeFileSync(join(folder, 'manifests.ts'), lines.join('\n'));
    const options = ['--noEmit', '--skipLibCheck', '--strict', '--module', 'nodenext', '--target', 'es2024'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '--ignoreConfig', ...options, join(folder, 'manifests.ts')], {
      encoding: 'utf8',
    });
    return '';
  } catch (error) {
    return String((error as { readonly stdout?: unknown }).stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('19.2: manifests of scripts/kubernetes', function () {
  this.timeout(120_000);

  for (const name of ['sidecar', 'node']) {
    const manifests = readManifests(name) as readonly Manifest[];

    it(`${name}: match the schemas of the Kubernetes API, and have no unknown field`, async () => {
      for (const manifest of manifests) assert.equal(await findSchemaErrors(manifest), null);
      assert.equal(findTypeErrors(manifests), '');
    });

    it(`${name}: are what kubectl kustomize renders, with nothing left out`, () => {
      const folder = join(root, 'scripts/kubernetes', name);
      const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
      const rendered = parseAllDocuments(text).map((document) => (document.toJS() as Manifest).kind);
      assert.deepEqual(rendered.toSorted(), manifests.map(({ kind }) => kind).toSorted());
    });
  }

  it('fail if a field is missing, has another type or does not exist', async () => {
    const manifests = readManifests('node') as readonly Manifest[];
    const policy = manifests.find(({ kind }) => kind === 'NetworkPolicy');
    assert.ok(policy !== undefined);
    assert.notEqual(
      await findSchemaErrors({ ...policy, spec: { policyTypes: 'Ingress' } } as Manifest),
      null,
    );
    assert.match(findTypeErrors([{ ...policy, spec: { podSelectors: {} } } as Manifest]), /podSelectors/);
  });
});
