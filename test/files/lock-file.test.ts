import assert from 'node:assert/strict';
import { closeSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemFiles } from '../../src/files/file-system.ts';
import { type FileLocking, isFileAt, lockFile } from '../../src/files/lock-file.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

describe('the lock of a file', () => {
  const folder = useTemporaryFolder();

  it('A2: is that of the file at the path, although another process removed the file that was opened', async () => {
    const path = join(folder(), 'lock');
    let attempts = 0;
    const locking: FileLocking = {
      openFlag: 0,
      tryLock: () => {
        attempts += 1;
        if (attempts === 1) rmSync(path);
        return Promise.resolve('locked');
      },
    };
    const attempt = await lockFile({ path, name: 'the lock' }, locking, systemFiles(process.getuid?.() ?? 0));
    assert.ok(typeof attempt === 'object');
    assert.ok(isFileAt(path, attempt.fd), 'a file that others would lock too');
    assert.equal(attempts, 2);
    closeSync(attempt.fd);
  });

  it('is not at its path if the system says nothing about the open file', () => {
    const noDescriptor = 2 ** 31 - 1;
    assert.equal(isFileAt(folder(), noDescriptor), false);
  });
});
