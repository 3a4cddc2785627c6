import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listKeyFiles } from '../../../src/cli/keys/key-files.ts';
import { formatKeyFile } from '../../support/iam/test-keys.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('listKeyFiles', () => {
  const folder = useTemporaryFolder();

  it('lists the key files of this user, and none of another user, who would get the login', () => {
    const path = join(folder(), 'Downloads', 'key.json');
    mkdirSync(join(folder(), 'Downloads'));
    writeFileSync(path, formatKeyFile());
    writeFileSync(join(folder(), 'Downloads', 'authorized_key.json'), '{}');
    const uid = process.getuid?.() ?? 0;
    assert.deepEqual(listKeyFiles(folder(), uid), [path]);
    assert.deepEqual(listKeyFiles(folder(), uid + 1), []);
  });
});
