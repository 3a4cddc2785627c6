import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { closedInspectorOption } from '../../../src/platform/inspector-option.ts';
import { attackedPrograms, attackInspector } from '../../support/processes/inspector-attack.ts';

// `test/slow/releases/inspector.test.ts` tries each release of Node a hundred times.
describe("Node's inspector", function () {
  it('D6: is found open by this test in a program that nothing protects', async () => {
    const script = 'setTimeout(() => console.log("started"), 100)';
    const unprotected = { argv: [process.execPath, '-e', script], startedText: /started/ } as const;
    const { openedCount } = await attackInspector(unprotected, process.execPath, 10, 10);
    assert.ok(openedCount > 0);
  });

  it('D6: is closed by the first lines of iam-token and iam-tokend', () => {
    for (const name of ['iam-token', 'iam-tokend']) {
      const [firstLine] = readFileSync(attackedPrograms[name]?.argv[0] ?? '', 'utf8').split('\n');
      assert.equal(firstLine, `#!/usr/bin/env -S node ${closedInspectorOption}`);
    }
  });

  for (const [name, program] of Object.entries(attackedPrograms)) {
    it(`D6: is not opened by SIGUSR1 while ${name} starts`, async () => {
      const { openedCount } = await attackInspector(program, process.execPath, 16, 5);
      assert.equal(openedCount, 0);
    });
  }
});
