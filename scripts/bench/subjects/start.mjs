// The daemon from its start to the first answer, with a token that is stored in a real keyring. The time that the keyring
// takes, which the daemon logs, is subtracted.
import { env, execPath } from 'node:process';
import { ask, tokenProtocol } from '../load.mjs';
import { run } from '../peers/processes.mjs';
import { summarize } from '../statistics.mjs';

export const title = 'start to first answer';

export async function measure({ startDaemon, isQuick }) {
  const testEnv = await startDaemon({ store: 'keychain' });
  try {
    await testEnv.stopDaemon();
    const startTimes = [];
    const nodeTimes = [];
    for (let round = -1; round < (isQuick ? 3 : 15); round += 1) {
      const startMs = await measureStart(testEnv);
      const nodeMs = await measureMs(() => run(execPath, ['-e', '0'], env));
      if (round < 0) continue;
      startTimes.push(startMs);
      nodeTimes.push(nodeMs);
    }
    const start = { name: 'daemon, without the keyring', unit: 'ms', ...summarize(startTimes) };
    const node = { name: 'node -e 0', unit: 'ms', ...summarize(nodeTimes) };
    return [{ ...start, ratio: start.median / node.median, to: 'daemon ÷ node -e 0', max: 2 }, node];
  } finally {
    await testEnv.stop();
  }
}

async function measureStart(testEnv) {
  const tookMs = await measureMs(async () => {
    await testEnv.startDaemon();
    await ask(testEnv.socketPath, tokenProtocol);
  });
  await testEnv.stopDaemon();
  const keyringMs = Number(/tookMs=(\d+)\n(?![^]*read the store)/.exec(testEnv.readLog())?.[1]);
  return tookMs - keyringMs;
}

async function measureMs(action) {
  const startedMs = performance.now();
  await action();
  return performance.now() - startedMs;
}
