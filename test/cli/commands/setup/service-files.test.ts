import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selectServiceFiles, writeServiceFiles } from '../../../../src/cli/commands/setup/service-files.ts';
import type { ServiceDefinition } from '../../../../src/service/service-definition.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

describe('the files of a service', () => {
  const folder = useTemporaryFolder();
  const names = ['a.service', 'a.socket'] as const;
  const path = (name: string): string => join(folder(), name);
  const argv = ['/usr/bin/node'] as const;
  const text = 'ExecStart=/usr/bin/node\n';
  const select = () => {
    const files = names.map((name) => ({ path: path(name), packagedPath: path(`packaged-${name}`) }));
    const service: Pick<ServiceDefinition, 'files' | 'fillTemplate'> = {
      files: [...files, { path: path('config.yaml'), preserveExisting: true }],
      fillTemplate: (template, [program]) => `${template}ExecStart=${program}\n`,
    };
    return selectServiceFiles(service, argv);
  };

  it('are written without a Debian package', async () => {
    await writeServiceFiles(select(), { uid: process.getuid?.() ?? null }, false);
    for (const name of [...names, 'config.yaml']) assert.equal(readFileSync(path(name), 'utf8'), text);
    assert.deepEqual(
      select().written.map((file) => file.path),
      names.map(path),
      'an existing configuration is kept',
    );
  });

  it('5: are those of the Debian package if they have the same text, and no earlier file overrides them', async () => {
    for (const name of names) writeFileSync(path(`packaged-${name}`), text);
    writeFileSync(path('a.service'), 'ExecStart=/opt/old/node\n');
    const selected = select();
    assert.deepEqual(
      selected.written.map((file) => file.path),
      [path('config.yaml')],
    );
    assert.deepEqual(selected.removedPaths, [path('a.service')]);
    await writeServiceFiles(selected, { uid: process.getuid?.() ?? null }, false);
    assert.ok(!existsSync(path('a.service')) && !existsSync(path('a.socket')));
  });

  it('5: are all written beside a Debian package of another release or another place', () => {
    writeFileSync(path('packaged-a.service'), 'ExecStart=/usr/lib/other/node\n');
    writeFileSync(path('packaged-a.socket'), text);
    const selected = select();
    assert.deepEqual(
      selected.written.map((file) => file.path),
      [...names, 'config.yaml'].map(path),
    );
    assert.deepEqual(selected.removedPaths, []);
  });
});
