import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../conventions/source-tree.ts';
import { waitForExit } from '../../support/processes/process-result.ts';

describe('npm run bench', () => {
  const run = (...args: readonly string[]) =>
    waitForExit(spawn(process.execPath, [join(root, 'scripts/bench/run.mjs'), ...args]));

  it('compares both clients with other programs, each of which succeeds', async function () {
    const programs = ['cc', 'git', 'ssh-agent', 'curl', 'oidc-token'];
    if (programs.some((program) => spawnSync('which', [program]).status !== 0)) this.skip();
    const { code, stdout, stderr } = await run('--quick', 'clients');
    assert.equal(stderr, '');
    // 1: a ratio exceeds its limit, as on a machine with other work.
    assert.ok(code === 0 || code === 1, String(code));
    assert.match(stdout, /^\d+ × .+, Node v\d+/);
    const names = stdout.split('\n').flatMap((line) => /^\| (.+?) +\| [\d.]+ ms/.exec(line)?.[1] ?? []);
    assert.deepEqual(names, [
      'iam-token (native)',
      'iam-token (native), bare server',
      'iam-token (Node)',
      'git credential-cache get',
      'ssh-add -l',
      'oidc-token',
      'curl --unix-socket',
      'node -e 0',
      '/bin/true',
      'a static program that does nothing',
    ]);
  });

  it('rejects a subject that it does not have', async () => {
    const { code, stderr } = await run('speed');
    assert.deepEqual([code, stderr], [2, 'bench: error: unexpected argument "speed"\n']);
  });
});
