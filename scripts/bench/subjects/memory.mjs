// The resident memory of the daemon, idle and after a million requests, beside an idle Node with an open server.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, pipeline, tokenProtocol } from '../load.mjs';
import { startBareServer } from '../peers/processes.mjs';
import { memoryResult } from '../process-memory.mjs';

export const title = 'resident memory';
/** After this time, an idle process has collected what its start left. */
const settleMs = 20_000;

export async function measure({ startDaemon, isQuick }) {
  const requestCount = isQuick ? 20_000 : 1_000_000;
  const testEnv = await startDaemon();
  const barePath = join(testEnv.folder, 'bare.sock');
  const response = (await ask(testEnv.socketPath, tokenProtocol)).toString().slice(0, -1);
  const stopBareServer = await startBareServer(barePath, response);
  try {
    await sleep(isQuick ? 1_000 : settleMs);
    const bare = memoryResult('bare server, idle', stopBareServer.pid);
    const idle = memoryResult('daemon, idle', testEnv.pid);
    await pipeline(testEnv.socketPath, tokenProtocol, requestCount);
    await sleep(isQuick ? 1_000 : settleMs);
    const used = memoryResult(`daemon, after ${requestCount} requests`, testEnv.pid);
    return [
      { ...idle, ratio: idle.median / bare.median, to: 'daemon ÷ bare server', max: 1.35 },
      { ...used, ratio: used.median / idle.median, to: 'after ÷ before' },
      bare,
    ];
  } finally {
    await stopBareServer();
    await testEnv.stop();
  }
}
