// How many requests the server answers, and how fast, beside a bare server in Node and ssh-agent.
import { join } from 'node:path';
import { ask, connectAndAsk, createSshAgentProtocol, pipeline, tokenProtocol } from '../load.mjs';
import { startSshAgent } from '../peers/agents.mjs';
import { startBareServer } from '../peers/processes.mjs';
import { quantile, summarize } from '../statistics.mjs';

export const title = 'requests: each client connects, asks once and closes';

export async function measure({ folder, startDaemon, isQuick }) {
  const testEnv = await startDaemon();
  const barePath = join(testEnv.folder, 'bare.sock');
  const response = (await ask(testEnv.socketPath, tokenProtocol)).toString().slice(0, -1);
  const stopBareServer = await startBareServer(barePath, response);
  const sshAgent = await startSshAgent(folder);
  const answer = await ask(sshAgent.socket, createSshAgentProtocol(5));
  const servers = [
    { name: 'daemon', path: testEnv.socketPath, createProtocol: () => tokenProtocol },
    { name: 'bare server', path: barePath, createProtocol: () => tokenProtocol },
    // Its answer begins with the number of bytes that follow.
    {
      name: 'ssh-agent',
      path: sshAgent.socket,
      createProtocol: () => createSshAgentProtocol(4 + answer.readUInt32BE()),
    },
  ];
  const runCount = isQuick ? 2 : 7;
  try {
    const results = [];
    for (const clientCount of [1, 64, 1_000])
      results.push(...(await measureConnections(servers, clientCount, runCount, isQuick ? 1_000 : 5_000)));
    return [...results, ...(await measurePipeline(servers, runCount, isQuick ? 10_000 : 50_000))];
  } finally {
    await sshAgent.stop();
    await stopBareServer();
    await testEnv.stop();
  }
}

async function measureConnections(servers, clientCount, runCount, total) {
  const runs = await runInTurns(servers, runCount, ({ path, createProtocol }) =>
    connectAndAsk(path, createProtocol, clientCount, total),
  );
  const what = clientCount === 1 ? 'one client' : `${clientCount} clients`;
  const rates = summarizeAll(servers, runs, `${what}: rate`, '/s', ({ rate }) => rate);
  const p50 = summarizeAll(servers, runs, `${what}: p50`, 'ms', ({ durations }) => quantile(durations, 0.5));
  const p99 = summarizeAll(servers, runs, `${what}: p99`, 'ms', ({ durations }) => quantile(durations, 0.99));
  return [
    ...compareWithBare(rates, clientCount === 1_000 ? {} : { min: 0.8 }),
    ...compareWithBare(p50, {}),
    ...compareWithBare(p99, clientCount === 64 ? { max: 2 } : {}),
  ];
}

async function measurePipeline(servers, runCount, total) {
  const runs = await runInTurns(servers, runCount, ({ path, createProtocol }) =>
    pipeline(path, createProtocol(), total),
  );
  return compareWithBare(
    summarizeAll(servers, runs, 'one connection, 256 requests pending: rate', '/s', (rate) => rate),
    { min: 0.7 },
  );
}

/** @returns the results of each server; the first run of each is a warm-up and does not count */
async function runInTurns(servers, runCount, runOnce) {
  const results = servers.map(() => []);
  for (let run = -1; run < runCount; run += 1) {
    for (const [index, server] of servers.entries()) {
      const result = await runOnce(server);
      if (run >= 0) results[index].push(result);
    }
  }
  return results;
}

const summarizeAll = (servers, runs, what, unit, select) =>
  servers.map(({ name }, index) => ({
    name: `${what}, ${name}`,
    unit,
    ...summarize(runs[index].map(select)),
  }));

/** @param limit of the daemon */
function compareWithBare([daemon, bare, agent], limit) {
  return [
    { ...daemon, ratio: daemon.median / bare.median, to: 'daemon ÷ bare server', ...limit },
    bare,
    agent,
  ];
}
