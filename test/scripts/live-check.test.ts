import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../emulator/emulator.ts';
import { root } from '../conventions/source-tree.ts';
import { createRealClock } from '../support/time/real-clock.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { formatKeyFile, getTestKey } from '../support/iam/test-keys.ts';

describe('scripts/live-check', () => {
  const folder = useTemporaryFolder();
  let emulator: Emulator;
  beforeEach(async () => (emulator = await startEmulator({ clock: createRealClock() })));
  afterEach(() => emulator.close());

  async function run(
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const child = spawn(process.execPath, ['scripts/live-check.mjs', '--endpoint', emulator.url, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    }
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, output };
  }

  function writeKeyFile(): string {
    const path = join(folder(), 'key.json');
    writeFileSync(path, formatKeyFile());
    return path;
  }

  it('passes a service that behaves as documented', async () => {
    const { code, output } = await run();
    assert.equal(code, 0, output);
    assert.ok(output.split('\n').filter((line) => line.startsWith('ok      ')).length >= 10, output);
  });

  it('runs every check with a key, and does not print the key', async () => {
    emulator.allowKey(getTestKey());
    const { code, output } = await run('--service-account-key', writeKeyFile());
    assert.equal(code, 0, output);
    assert.match(output, /^ok {6}the token is revoked$/m);
    assert.doesNotMatch(output, /t1\.|MII|PRIVATE/);
  });

  it('reports each difference', async () => {
    emulator.setFault({ kind: 'html' });
    const { code, output } = await run('--service-account-key', writeKeyFile());
    assert.equal(code, 1);
    assert.match(output, /^DIFFERS an unknown OAuth token: 401 with code 16: 403 with code undefined$/m);
    assert.match(
      output,
      /^DIFFERS the key is exchanged for a token: unexpected response from IAM .*: HTTP 403 with a web page/m,
    );
  });

  it('reports a key that is invalid', async () => {
    const path = join(folder(), 'key.json');
    writeFileSync(path, '{');
    const { code, output } = await run('--service-account-key', path);
    assert.equal(code, 1);
    assert.match(output, /^live-check: error: the key file is truncated or damaged: invalid JSON$/m);
  });
});
