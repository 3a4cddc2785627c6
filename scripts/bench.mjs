// Measures what is promised, each as a ratio to something that is measured beside it on the same machine, so that a
// bound holds on any. Needs a build. Ends with 1 when a bound is not kept.
import { spawn } from 'node:child_process';
import { chdir, env, execPath, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { answering, ScriptedDaemon } from '../dist/test/support/scripted-daemon.js';

chdir(fileURLToPath(new URL('..', import.meta.url)));

// Each: the ratio's name, its bound, and a function that gives the two medians of which it is made, by their names.
const measurements = [{ name: 'client ÷ node', bound: 1.1, measure: clientOverNode }];

for (const { name, bound, measure } of measurements) {
  const medians = Object.entries(await measure());
  const [[, upper], [, lower]] = medians;
  const ratio = upper / lower;
  const raw = medians.map(([what, value]) => `${what} ${value.toFixed(2)} ms`).join(', ');
  const verdict = ratio <= bound ? 'ok' : 'TOO SLOW';
  stdout.write(`${name}: ${ratio.toFixed(3)} (bound ${bound}, ${verdict}; ${raw})\n`);
  if (ratio > bound) process.exitCode = 1;
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
