import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../src/cli/write-whole.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a file that is written whole', () => {
  const folder = temporaryFolder();

  it('is open to nobody whom its mode leaves out, whatever was there and whatever the umask', () => {
    const path = join(folder(), 'config.yaml');
    for (const there of [path, `${path}.new`]) {
      writeFileSync(there, 'old');
      chmodSync(there, 0o666);
    }
    const umask = process.umask(0);
    try {
      writeWhole(path, 'new', 0o600);
    } finally {
      process.umask(umask);
    }
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['new', 0o600]);
    assert.deepEqual(readdirSync(folder()), ['config.yaml']);
  });

  it('is not written through a link that lies in the way', () => {
    const other = join(folder(), 'other');
    writeFileSync(other, 'mine');
    symlinkSync(other, join(folder(), 'config.yaml.new'));
    writeWhole(join(folder(), 'config.yaml'), 'new', 0o600);
    assert.equal(readFileSync(other, 'utf8'), 'mine');
  });
});
