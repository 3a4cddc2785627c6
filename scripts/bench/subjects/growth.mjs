// How memory and answers grow from one profile to 1,000, and from one connection to 5,000.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { oauthToken } from '../../../dist/test/support/test-environment.js';
import { connectAndAsk, tokenProtocol } from '../load.mjs';
import { readMemoryMb } from '../process-memory.mjs';
import { quantile } from '../statistics.mjs';

export const title = 'growth';

export async function measure({ startDaemon, isQuick }) {
  const profileCount = isQuick ? 50 : 1_000;
  const connectionCount = isQuick ? 200 : 5_000;
  const testEnv = await startDaemon();
  const sockets = [];
  try {
    const before = await look(testEnv);
    await logInAll(testEnv.socketPath, profileCount - 1);
    await sleep(isQuick ? 500 : 10_000);
    const withProfiles = await look(testEnv);
    while (sockets.length < connectionCount) sockets.push(await open(testEnv.socketPath));
    const withConnections = await look(testEnv);
    return [
      { name: '1 profile: answer', unit: 'ms', ...before.answer },
      compare(`${profileCount} profiles: answer`, withProfiles, before),
      memoryPer('memory of a profile', withProfiles.memoryMb - before.memoryMb, profileCount - 1),
      compare(`and ${connectionCount} open connections: answer`, withConnections, before),
      memoryPer('memory of a connection', withConnections.memoryMb - withProfiles.memoryMb, connectionCount),
    ];
  } finally {
    for (const socket of sockets) socket.destroy();
    await testEnv.stop();
  }
}

async function look({ socketPath, pid }) {
  const { durations } = await connectAndAsk(socketPath, () => tokenProtocol, 1, 500);
  const answer = {
    median: quantile(durations, 0.5),
    low: quantile(durations, 0.25),
    high: quantile(durations, 0.75),
  };
  return { answer, memoryMb: readMemoryMb(pid) };
}

const compare = (name, { answer }, before) => ({
  name,
  unit: 'ms',
  ...answer,
  ratio: answer.median / before.answer.median,
  to: 'this ÷ 1 profile',
});

const memoryPer = (name, growthMb, count) => ({ name, unit: 'KB', median: (growthMb * 1_024) / count });

async function open(path) {
  const socket = connect(path);
  await once(socket, 'connect');
  return socket.on('error', () => undefined);
}

/** One after the other: each login is an exchange. */
async function logInAll(socketPath, count) {
  const socket = connect(socketPath).setEncoding('utf8');
  try {
    for (let index = 1; index <= count; index += 1) {
      const params = { kind: 'oauth', secret: oauthToken, profile: `p${index}` };
      socket.write(
        `${JSON.stringify({ type: 'iam-token', data: { v: 1, id: index, method: 'login', params } })}\f`,
      );
      let text = '';
      while (!text.includes('\f')) text += (await once(socket, 'data'))[0];
      if (!text.includes('"result"')) throw new Error(text);
    }
  } finally {
    socket.destroy();
  }
}
