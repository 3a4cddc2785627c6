import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { getKeyringSkipReason, startPrivateKeyring } from './private-keyring.ts';
import { readProcFile, findProcesses } from '../processes/process-table.ts';
import { waitUntil } from '../wait-until.ts';

const skipReason = getKeyringSkipReason();
const describeIfAvailable = skipReason === null ? describe : describe.skip;

describeIfAvailable(`private-keyring${skipReason === null ? '' : ` (skipped, ${skipReason})`}`, () => {
  /** Processes that run with this folder as their home. */
  const countProcesses = (folder: string): number =>
    findProcesses('').filter((pid) => readProcFile(pid, 'environ').includes(`HOME=${folder}\0`)).length;

  it('stops all of its processes and removes its folder, even if its service is stopped', async () => {
    const keyring = await startPrivateKeyring();
    const folder = keyring.environment['HOME'] ?? '';
    assert.ok(countProcesses(folder) > 0);
    keyring.freeze();
    await keyring.stop();
    assert.equal(countProcesses(folder), 0);
    assert.ok(!existsSync(folder));
  });

  it('ends when the test process is killed', async () => {
    const module = new URL('private-keyring.js', import.meta.url);
    const program = `
      import { startPrivateKeyring } from '${module.href}';
      const keyring = await startPrivateKeyring();
      keyring.freeze();
      console.log(keyring.environment.HOME);`;
    const testProcess = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [folder] = (await once(createInterface(testProcess.stdout), 'line')) as [string];
    assert.ok(countProcesses(folder) > 0);
    testProcess.kill('SIGKILL');
    await waitUntil(() => countProcesses(folder) === 0, 'all processes have exited');
  });
});
