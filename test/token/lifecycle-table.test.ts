import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('../../../', import.meta.url);

describe('lifecycle: the table in ARCHITECTURE.md', () => {
  it('is what the code does; `node scripts/lifecycle-table.mjs --write` makes it anew', () => {
    const made = execFileSync(process.execPath, ['scripts/lifecycle-table.mjs'], {
      cwd: root,
      encoding: 'utf8',
    });
    const document = readFileSync(new URL('ARCHITECTURE.md', root), 'utf8');
    assert.ok(document.includes(made), 'the table between the two markers is of another lifecycle');
  });
});
