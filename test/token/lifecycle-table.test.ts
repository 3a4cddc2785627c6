import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('../../../', import.meta.url);

describe('lifecycle: the table in LIFECYCLE.md', () => {
  it('matches the code; `node scripts/generate/lifecycle-table.mjs --write` updates it', () => {
    const table = execFileSync(process.execPath, ['scripts/generate/lifecycle-table.mjs'], {
      cwd: root,
      encoding: 'utf8',
    });
    const document = readFileSync(new URL('LIFECYCLE.md', root), 'utf8');
    assert.ok(document.includes(table), 'the table between the two markers is out of date');
  });
});
