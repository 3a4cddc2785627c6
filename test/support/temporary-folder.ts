import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for each test of the suite that calls this, 0700, gone afterwards. */
export function temporaryFolder(): () => string {
  let folder: string | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'iam-tokend-test-'));
  });
  afterEach(async () => {
    // What a test leaves under way may still write there for a moment.
    if (folder !== undefined)
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    folder = undefined;
  });
  return () => {
    if (folder === undefined) throw new Error('there is a folder only while a test runs');
    return folder;
  };
}
