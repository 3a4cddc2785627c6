// How long a call takes, from the start of the process to its end.
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { arch, env as ownEnv, execPath, platform } from 'node:process';
import { closedInspectorOption } from '../../../dist/src/platform/inspector-option.js';
import { ask, tokenProtocol } from '../load.mjs';
import { startGitCredentialCache, startOidcAgent, startSshAgent } from '../peers/agents.mjs';
import { startBareServer } from '../peers/processes.mjs';
import { summarize } from '../statistics.mjs';

export const title = 'whole process';
/** The time between two calls in life; a server that is busy answers sooner than one that has to wake up. */
const idleMs = 20;

export async function measure({ folder, startDaemon, isQuick }) {
  const testEnv = await startDaemon({ config: 'http: { socket: true }\n' });
  const barePath = join(testEnv.folder, 'bare.sock');
  const response = (await ask(testEnv.socketPath, tokenProtocol)).toString().slice(0, -1);
  const stops = [await startBareServer(barePath, response)];
  try {
    const agents = [];
    for (const start of [startGitCredentialCache, startSshAgent, startOidcAgent]) {
      const agent = await start(folder);
      agents.push(agent);
      stops.push(agent.stop);
    }
    const programs = [...ownPrograms(testEnv, barePath), ...agents, ...referencePrograms(testEnv, folder)];
    const medians = runAll(programs, folder, isQuick ? 5 : 50);
    return withRatios(
      programs.map(({ name, isOwn }, index) => ({ name, isOwn, unit: 'ms', ...medians[index] })),
    );
  } finally {
    for (const stop of stops) await stop();
    await testEnv.stop();
  }
}

const nativeName = 'iam-token (native)';
const scriptName = 'iam-token (Node)';
const bareName = 'iam-token (native), bare server';

function ownPrograms({ socketPath }, barePath) {
  const native = resolve(`dist/native/${platform}-${arch}/iam-token`);
  const script = [execPath, closedInspectorOption, resolve('dist/bin/iam-token.js')];
  return [
    ...(existsSync(native)
      ? [
          { name: nativeName, argv: [native, '--socket', socketPath], isOwn: true },
          { name: bareName, argv: [native, '--socket', barePath] },
        ]
      : []),
    // Without arguments, it loads no parser.
    { name: scriptName, argv: script, env: { IAM_TOKEND_SOCKET: socketPath }, isOwn: true },
  ];
}

function referencePrograms({ socketPath }, folder) {
  const httpSocket = join(socketPath, '../http/http.sock');
  const nothing = join(folder, 'nothing');
  compile('nothing', nothing, '-static');
  return [
    {
      name: 'curl --unix-socket',
      argv: ['/usr/bin/curl', '-sS', '--unix-socket', httpSocket, 'http://localhost/v1/token'],
    },
    { name: 'node -e 0', argv: [execPath, '-e', '0'] },
    { name: '/bin/true', argv: ['/bin/true'] },
    { name: 'a static program that does nothing', argv: [nothing] },
  ];
}

function compile(name, output, ...options) {
  const source = new URL(`../native/${name}.c`, import.meta.url).pathname;
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', ...options, '-o', output, source]);
}

/** @returns a summary for each program */
function runAll(programs, folder, roundCount) {
  const spawner = join(folder, 'spawner');
  compile('spawner', spawner);
  const list = join(folder, 'programs');
  const blocks = programs.map(({ argv, stdin = '/dev/null' }) => `${[stdin, ...argv].join('\n')}\n\n`);
  writeFileSync(list, blocks.join(''));
  const env = Object.assign({ PATH: ownEnv.PATH, HOME: folder }, ...programs.map((program) => program.env));
  const output = execFileSync(spawner, [String(roundCount), String(idleMs), list], { env, encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => summarize(line.split(' ').map((nanoseconds) => Number(nanoseconds) / 1e6)));
}

/** The limits hold for the native client, and for the one in Node beside an empty program. */
const limits = {
  [bareName]: { max: 1.15 },
  'git credential-cache get': { max: 1.15 },
  'ssh-add -l': { max: 0.35 },
  'curl --unix-socket': { max: 0.2 },
  '/bin/true': { max: 2 },
};

function withRatios(results) {
  const medianOf = (name) => results.find((result) => result.name === name)?.median;
  const native = medianOf(nativeName);
  return results.map((result) => {
    const { name, median } = result;
    if (name === scriptName)
      return { ...result, ratio: median / medianOf('node -e 0'), to: 'this ÷ node -e 0', max: 1.25 };
    if (native === undefined || name === nativeName) return result;
    // How the native client compares with this program.
    return { ...result, ratio: native / median, to: 'native client ÷ this', ...limits[name] };
  });
}
