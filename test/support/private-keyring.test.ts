import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { noPrivateKeyring, startPrivateKeyring } from './private-keyring.ts';
import { procFile, processesWith } from './processes.ts';
import { until } from './until.ts';

const missing = noPrivateKeyring();
const described = missing === null ? describe : describe.skip;

described(`private-keyring${missing === null ? '' : ` (skipped, ${missing})`}`, () => {
  /** Processes whose environment leads into this folder, and the bus, whose arguments do. */
  const alive = (folder: string): number =>
    processesWith('').filter((pid) => procFile(pid, 'environ').includes(`HOME=${folder}\0`)).length;

  it('ends all of its processes and removes its folder, also when its service stands still', async () => {
    const keyring = await startPrivateKeyring();
    const folder = keyring.environment['HOME'] ?? '';
    assert.ok(alive(folder) > 0);
    keyring.freeze();
    await keyring.stop();
    assert.equal(alive(folder), 0);
    assert.ok(!existsSync(folder));
  });

  it('does not outlive a test process that is killed', async () => {
    const module = new URL('private-keyring.js', import.meta.url);
    const program = `
      import { startPrivateKeyring } from '${module.href}';
      const keyring = await startPrivateKeyring();
      keyring.freeze();
      console.log(keyring.environment.HOME);`;
    const tests = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [folder] = (await once(createInterface(tests.stdout), 'line')) as [string];
    assert.ok(alive(folder) > 0);
    tests.kill('SIGKILL');
    await until(() => alive(folder) === 0, 'everything is gone');
  });
});
