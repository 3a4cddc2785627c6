/**
 * A system-wide daemon that a flood of one user meets while another user requests tokens:
 * node system-daemon.js OPTIONS, where OPTIONS is a `LoadOptions` as JSON, as root in a mount namespace of its own. Prints a
 * `LoadReport` as JSON.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { argv, execPath, exit, stdout } from 'node:process';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmulator } from '../../emulator/emulator.ts';
import { systemPaths } from '../../../src/platform/paths.ts';
import { oauthToken } from '../test-environment.ts';
import { createRealClock } from '../time/real-clock.ts';
import { waitUntil } from '../wait-until.ts';
import type { Flood } from './flood.ts';
import type { ProbeReport } from './probe.ts';

export interface LoadOptions {
  readonly flood: Flood;
  readonly durationMs: number;
  /** From the start of the flood. */
  readonly isIamHanging?: boolean;
  /** What root calls during the flood. */
  readonly rootCommands: readonly string[];
  /** Waits, up to a minute after the flood has ended, until memory has grown by at most this. */
  readonly settledGrowthMb?: number;
}

export interface LoadReport {
  readonly quiet: ProbeReport;
  readonly loaded: ProbeReport;
  /** After the flood has ended. */
  readonly afterwards: ProbeReport;
  /** Exit code, first line and milliseconds of each command of root. */
  readonly rootCommands: Readonly<Record<string, string>>;
  readonly quietRssMb: number;
  readonly maxRssMb: number;
  /** The least after the flood has ended; see `LoadOptions`. */
  readonly settledRssMb: number;
  readonly logLines: number;
}

const [, , optionsJson = ''] = argv;
const options = JSON.parse(optionsJson) as LoadOptions;
const group = 61_234;
const users = { flood: 61_235, probe: 61_236 };
const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const children: ChildProcess[] = [];

mkdirSync('/etc/iam-tokend', { mode: 0o755 });
mkdirSync('/run/iam-tokend', { mode: 0o750 });
chownSync('/run/iam-tokend', 0, group);
chmodSync('/run/iam-tokend', 0o750);
const emulator = await startEmulator({
  clock: createRealClock(),
  oauthAccounts: [{ token: oauthToken }],
  // Below 12 hours, so that a request for 12 hours waits for IAM.
  lifetimeMs: 11 * 60 * 60_000,
});
writeFileSync(systemPaths.configFile, `store: memory\niam: { endpoint: "${emulator.url}" }\n`);
const daemonProgram = program('../../../bin/iam-tokend.js');
const daemon = spawn(execPath, [daemonProgram, '--config', systemPaths.configFile], {
  stdio: ['ignore', 'ignore', 'pipe'],
});
children.push(daemon);
let daemonText = '';
daemon.stderr.setEncoding('utf8').on('data', (chunk: string) => (daemonText += chunk));
await waitUntil(() => daemonText.includes('listening on') || daemon.exitCode !== null, 'the daemon listens');
if (daemon.exitCode !== null) throw new Error(daemonText);

const runClient = async (args: readonly string[], stdin = ''): Promise<string> => {
  const child = spawn(execPath, [
    program('../../../bin/iam-token.js'),
    ...args,
    '--socket',
    systemPaths.socket,
  ]);
  child.stdin.end(stdin);
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return `${code} ${output}${errors}`;
};
const probe = async (ms: number): Promise<ProbeReport> => {
  const child = spawn(execPath, [program('probe.js'), systemPaths.socket, String(ms)], {
    uid: users.probe,
    gid: group,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return JSON.parse(await text(child.stdout)) as ProbeReport;
};
const readRssMb = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'latin1'))?.[1]) / 1024;

const loggedIn = await runClient(['login', '--stdin'], oauthToken);
if (!loggedIn.startsWith('0 ')) throw new Error(loggedIn);
if (options.isIamHanging === true) emulator.setFault({ kind: 'hang' });
const quiet = await probe(3_000);

const quietRssMb = readRssMb();
let maxRssMb = quietRssMb;
const rssTimer = setInterval(() => (maxRssMb = Math.max(maxRssMb, readRssMb())), 50);
// With a low priority, unless memory is measured: how the daemon shares its time, not how the kernel shares the cores.
const niceness = options.settledGrowthMb === undefined ? '19' : '0';
const flood = spawn(
  'nice',
  ['-n', niceness, execPath, program('flood.js'), systemPaths.socket, JSON.stringify(options.flood)],
  {
    uid: users.flood,
    gid: group,
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
children.push(flood);
const floodStarted = Promise.race([once(flood.stdout, 'data'), delay(5_000)]);
const loadedProbe = probe(options.durationMs);
await floodStarted;
const rootCommands: Record<string, string> = {};
for (const command of options.rootCommands) {
  const startMs = performance.now();
  const output = await runClient([command]);
  rootCommands[command] = `${output.split(/\n/)[0] ?? ''} (${Math.round(performance.now() - startMs)} ms)`;
}
const loaded = await loadedProbe;
flood.kill('SIGKILL');
await once(flood, 'exit');
const afterwards = await probe(1_000);
clearInterval(rssTimer);
let settledRssMb = readRssMb();
const settlesUntilMs = performance.now() + 60_000;
while (
  settledRssMb > quietRssMb + (options.settledGrowthMb ?? Infinity) &&
  performance.now() < settlesUntilMs
) {
  await delay(500);
  settledRssMb = Math.min(settledRssMb, readRssMb());
}
const logText = readFileSync(`${systemPaths.log}/iam-tokend.log`, 'utf8');
const report: LoadReport = {
  quiet,
  loaded,
  afterwards,
  rootCommands,
  quietRssMb: Math.round(quietRssMb),
  maxRssMb: Math.round(maxRssMb),
  settledRssMb: Math.round(settledRssMb),
  logLines: logText.split('\n').length,
};
stdout.write(`${JSON.stringify(report)}\n`);
for (const child of children) child.kill('SIGKILL');
exit(0);
