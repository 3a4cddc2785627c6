import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../../conventions/source-tree.ts';
import type { LoadReport } from '../daemon/load-clients.ts';

/** Its arguments: the module of `iam-tokend/client`, and the number of clients. */
export const loadClientsProgram = join(root, 'dist/test/support/daemon/load-clients.js');

/**
 * Runs `action` while many clients send requests, and reports their responses and failures.
 * @param command that runs `loadClientsProgram`
 */
export async function runLoadClients(
  [program, ...args]: readonly [string, ...string[]],
  action: () => Promise<void>,
): Promise<LoadReport> {
  const clients = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(clients.stdout);
  assert.deepEqual(await once(lines, 'line'), ['started']);
  const result = once(lines, 'line') as Promise<[string]>;
  await action();
  clients.stdin.end();
  return JSON.parse((await result)[0]) as LoadReport;
}
