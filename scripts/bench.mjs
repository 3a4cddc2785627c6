// Measures what is promised, each as a ratio to something that is measured beside it on the same machine, so that a
// bound holds on any. Needs a build. Ends with 1 when a bound is not kept.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { chdir, env, execPath, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { oauthToken, startHouse } from '../dist/test/support/running-house.js';
import { answering, ScriptedDaemon } from '../dist/test/support/scripted-daemon.js';

chdir(fileURLToPath(new URL('..', import.meta.url)));

// Each: the ratio's name, its bound, and a function that gives the two medians of which it is made, by their names.
const measurements = [
  { name: 'iam-token ÷ node', atMost: 1.1, unit: 'ms', measure: clientOverNode },
  { name: 'daemon ÷ bare server', atLeast: 0.7, unit: 'requests a second', measure: daemonOverBareServer },
  { name: 'start ÷ node', atMost: 2, unit: 'ms', measure: startOverNode },
];

for (const { name, atMost = Infinity, atLeast = 0, unit, measure } of measurements) {
  const medians = Object.entries(await measure());
  const [[, upper], [, lower]] = medians;
  const ratio = upper / lower;
  const raw = medians.map(([what, value]) => `${what} ${value.toFixed(value < 1_000 ? 1 : 0)}`).join(', ');
  const bound = atMost === Infinity ? `at least ${atLeast}` : `at most ${atMost}`;
  const isKept = ratio <= atMost && ratio >= atLeast;
  stdout.write(`${name}: ${ratio.toFixed(2)} (${bound}: ${isKept ? 'kept' : 'NOT KEPT'}; ${raw} ${unit})\n`);
  if (!isKept) process.exitCode = 1;
}

// The whole process of `iam-token`, from spawn to exit, over that of a Node that does nothing.
async function clientOverNode() {
  const token = {
    token: `t1.${'9eu'.repeat(100)}.${'s'.repeat(86)}`,
    expiresAt: '2026-11-24T22:04:05.000Z',
    profile: 'work',
    subject: 'aje0ada',
  };
  const daemon = await ScriptedDaemon.start(answering({ token }));
  const client = {
    args: ['dist/bin/iam-token.js'],
    env: { ...env, IAM_TOKEND_SOCKET: daemon.socketPath },
  };
  const node = { args: ['-e', '0'], env };
  try {
    const times = await interleaved(30, [client, node]);
    return { 'iam-token': median(times[0]), 'node -e 0': median(times[1]) };
  } finally {
    await daemon.close();
  }
}

// 256 `token` requests under way on one connection, answered by the daemon and by a server that does nothing but
// take the id out of the frame and answer with the same bytes; the client is the same.
async function daemonOverBareServer() {
  const requests = 50_000;
  const house = await startHouse({ store: 'memory', logLevel: 'info' });
  await house.startDaemon();
  await house.iamToken(['login', '--stdin'], oauthToken);
  const [answer] = await exchangeFrames(house.socketPath, 1);
  const bareServer = createServer((socket) => {
    let rest = '';
    socket.setEncoding('utf8').on('data', (piece) => {
      const frames = (rest + piece).split('\f');
      rest = frames.pop();
      for (const frame of frames) {
        answer.data.id = JSON.parse(frame).data.id;
        socket.write(`${JSON.stringify(answer)}\f`);
      }
    });
  });
  const barePath = `${house.folder}/bare.sock`;
  await new Promise((resolve) => bareServer.listen(barePath, resolve));
  const rates = [[], []];
  for (let run = -1; run < 7; run += 1) {
    for (const [index, path] of [house.socketPath, barePath].entries()) {
      const startMs = performance.now();
      await exchangeFrames(path, requests);
      if (run >= 0) rates[index].push((requests * 1_000) / (performance.now() - startMs));
    }
  }
  bareServer.close();
  await house.stop();
  return { daemon: median(rates[0]), 'bare server': median(rates[1]) };
}

// Sends so many `token` requests, and gives the last answer once all are there.
function exchangeFrames(path, count) {
  return new Promise((resolve, reject) => {
    const socket = connect(path).setEncoding('utf8');
    let sent = 0;
    let received = 0;
    let rest = '';
    const fill = () => {
      let batch = '';
      for (; sent < count && sent - received < 256; sent += 1) {
        batch += `{"type":"iam-token","data":{"v":1,"id":${sent},"method":"token"}}\f`;
      }
      if (batch !== '') socket.write(batch);
    };
    socket.on('data', (piece) => {
      const frames = (rest + piece).split('\f');
      rest = frames.pop();
      received += frames.length;
      if (received < count) return fill();
      socket.destroy();
      resolve([JSON.parse(frames.at(-1))]);
    });
    socket.once('error', reject);
    fill();
  });
}

// From spawn to the first answer from a token that was kept in a real keyring, the reading of the keyring taken off
// (the daemon's log says how long that took), over a Node that does nothing.
async function startOverNode() {
  const house = await startHouse({ logLevel: 'info' });
  await house.startDaemon();
  await house.iamToken(['login', '--stdin'], oauthToken);
  await house.stopDaemon();
  const times = [[], []];
  for (let run = -1; run < 15; run += 1) {
    const startMs = performance.now();
    await house.startDaemon();
    await exchangeFrames(house.socketPath, 1);
    const tookMs = performance.now() - startMs;
    await house.stopDaemon();
    const keychainMs = Number(/tookMs=(\d+)\n(?![^]*read the store)/.exec(house.log())?.[1]);
    const nodeMs = await runMs({ args: ['-e', '0'], env });
    if (run < 0) continue;
    times[0].push(tookMs - keychainMs);
    times[1].push(nodeMs);
  }
  await house.stop();
  return { 'start, keyring apart': median(times[0]), 'node -e 0': median(times[1]) };
}

// One run of each first, which is not counted.
async function interleaved(runs, programs) {
  const times = programs.map(() => []);
  for (let run = -1; run < runs; run += 1) {
    for (const [index, program] of programs.entries()) {
      const ms = await runMs(program);
      if (run >= 0) times[index].push(ms);
    }
  }
  return times;
}

function runMs({ args, env }) {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const child = spawn(execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.resume();
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve(performance.now() - startMs);
      else reject(new Error(`node ${args.join(' ')} ended with ${code}`));
    });
  });
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
