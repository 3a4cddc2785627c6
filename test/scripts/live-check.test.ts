import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '../../src/emulator/emulator.ts';
import { root } from '../house/source-tree.ts';
import { realClock } from '../support/real-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { keyFile, testKey } from '../support/test-keys.ts';

describe('scripts/live-check', () => {
  const folder = temporaryFolder();
  let emulator: Emulator;
  beforeEach(async () => (emulator = await startEmulator({ clock: realClock() })));
  afterEach(() => emulator.close());

  async function run(
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly said: string }> {
    const child = spawn(process.execPath, ['scripts/live-check.mjs', '--endpoint', emulator.url, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => (said += piece));
    }
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, said };
  }

  function keyPath(): string {
    const path = join(folder(), 'key.json');
    writeFileSync(path, keyFile());
    return path;
  }

  it('finds nothing to say of a service that speaks as the documentation says', async () => {
    const { code, said } = await run();
    assert.equal(code, 0, said);
    assert.ok(said.split('\n').filter((line) => line.startsWith('ok      ')).length >= 10, said);
  });

  it('goes the whole way with a key, and says nothing of it', async () => {
    emulator.allowKey(testKey());
    const { code, said } = await run('--service-account-key', keyPath());
    assert.equal(code, 0, said);
    assert.match(said, /^ok {6}it is revoked$/m);
    assert.doesNotMatch(said, /t1\.|MII|PRIVATE/);
  });

  it('says what differs', async () => {
    emulator.setFault({ kind: 'html' });
    const { code, said } = await run('--service-account-key', keyPath());
    assert.equal(code, 1);
    assert.match(said, /^DIFFERS an unknown OAuth token: 401 with code 16: 403 with code undefined$/m);
    assert.match(said, /^DIFFERS the key gives a token: IAM answered 403 with a web page/m);
  });

  it('says what is wrong with the key', async () => {
    const path = join(folder(), 'key.json');
    writeFileSync(path, '{');
    const { code, said } = await run('--service-account-key', path);
    assert.equal(code, 1);
    assert.match(said, /^live-check: error: the key file is cut off or damaged: its JSON is broken$/m);
  });
});
