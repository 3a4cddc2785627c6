import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Creates a folder with mode 0700 before each test of the current suite, and removes it afterwards. */
export function useTemporaryFolder(): () => string {
  let folder: string | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-test-'));
  });
  afterEach(async () => {
    // Unfinished work of a test may still write to the folder.
    if (folder !== undefined)
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    folder = undefined;
  });
  return () => {
    if (folder === undefined) throw new Error('the folder exists only while a test runs');
    return folder;
  };
}
