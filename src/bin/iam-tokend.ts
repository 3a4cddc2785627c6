import { fstatSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  cronSchedule,
  type Schedule,
  scheduleFault,
  scheduleWarning,
  shiftWithinHourMs,
} from '../adapters/cron-schedule.ts';
import { nodeIpcServer } from '../adapters/node-ipc-server.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { undiciHttp } from '../adapters/undici-http.ts';
import { type LogDestination, winstonLog } from '../adapters/winston-log.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load-config.ts';
import { CredentialSlots } from '../daemon/credential-slots.ts';
import { type Daemon, prepareSocket, startDaemon } from '../daemon/daemon.ts';
import { openProfileRegistry } from '../daemon/profile-registry.ts';
import { isoTime } from '../daemon/profile-status.ts';
import { Profiles } from '../daemon/profiles.ts';
import { holdLock } from '../daemon/single-instance.ts';
import { Subscriptions } from '../daemon/subscriptions.ts';
import type { CredentialStore } from '../keychain/credential-store.ts';
import { createKeytarStore } from '../keychain/keytar-store.ts';
import { createMemoryStore } from '../keychain/memory-store.ts';
import { folders, socketCandidates, socketPathProblem } from '../platform/places.ts';
import { surroundingsOfProcess } from '../platform/surroundings.ts';
import type { Clock } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import { version } from '../shared/version.ts';
import { kindNamed } from '../sources/kinds.ts';
import { problemNow } from '../token/outlook.ts';

// First of all: else a signal from anybody with our uid opens Node's inspector, and memory with it.
process.on('SIGUSR1', () => undefined);
process.umask(0o077);

const usage = `usage: iam-tokend [--config FILE] [--socket PATH] [--store keychain|memory] [--log-level LEVEL]

Keeps a Yandex Cloud credential in the OS keychain and serves IAM tokens to iam-token.
Runs in the foreground; log in with: iam-token login

  --config FILE      read this instead of config.yaml; its folder holds the list of profiles
  --socket PATH      listen here
  --store STORE      where credentials are kept: keychain (default) or memory
  --log-level LEVEL  error, warn, info (default) or debug
  --help, --version
`;

/** Wrong usage or a wrong configuration: exit code 2. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

async function main(): Promise<void> {
  const flags = parseFlags();
  if (flags.help === true) return void process.stdout.write(usage);
  if (flags.version === true) return void process.stdout.write(`iam-tokend ${version}\n`);
  const surroundings = surroundingsOfProcess();
  const { platform, uid, env } = surroundings;
  const places = folders(surroundings);
  const configFolder = flags.config === undefined ? places.config : join(flags.config, '..');
  const { config, warnings } = await configOf(flags, flags.config ?? join(configFolder, 'config.yaml'));
  const socketPath = flags.socket ?? env['IAM_TOKEND_SOCKET'] ?? socketCandidates(surroundings)[0];
  const socketProblem = socketPathProblem(socketPath, platform);
  if (socketProblem !== null) throw new UsageError(socketProblem.message);

  mkdirSync(configFolder, { recursive: true, mode: 0o700 });
  await holdLock(join(configFolder, 'lock'), platform);
  await prepareSocket(socketPath, platform, uid);

  const clock = systemClock();
  const log = winstonLog(config.logLevel, logDestination(places.log));
  for (const warning of warnings) {
    say(`warning: ${warning}`);
    log.write('warn', warning);
  }
  const registry = openProfileRegistry(configFolder);
  const store = storeOf(config, clock);
  const subscriptions = new Subscriptions();
  const http = undiciHttp({
    proxy: config.network.proxy,
    noProxy: config.network.noProxy,
    certificates: config.network.caFile === null ? null : readFileSync(config.network.caFile, 'utf8'),
  });
  const { instance } = registry.current();
  const schedules = new Map<string, Schedule>();
  const profiles = new Profiles({
    clock,
    log,
    registry,
    slots: new CredentialSlots(store, instance),
    kindOf: kindNamed,
    openSource: (kind, credential, installation) =>
      kind.open(credential, installation, { http, clock, timeoutMs: config.iam.timeoutMs }),
    defaultInstallation: config.iam,
    nextScheduledAfter: (profile, afterMs) => {
      const { schedule, spread } = config.refresh;
      const shiftMs = spread ? shiftWithinHourMs(hostname(), instance, profile) : 0;
      const known = schedules.get(profile) ?? cronSchedule(schedule, shiftMs);
      schedules.set(profile, known);
      return known.nextAfter(afterMs);
    },
    announce: (event, profile) => {
      const { token } = profile.state;
      const problem = problemNow(profile.state, clock.now());
      subscriptions.publish(event, {
        profile: profile.name,
        ...(token === null ? {} : { expiresAt: isoTime(token.expiresAtMs) }),
        ...(problem === null ? {} : { problem }),
      });
    },
  });

  const daemon = await startDaemon({
    clock,
    log,
    version,
    platform,
    store,
    profiles,
    subscriptions,
    listener: (onMessage) =>
      nodeIpcServer({
        path: platform === 'win32' ? socketPath.replace(/^\\\\[.?]\\pipe\\/, '') : socketPath,
        platform,
        clock,
        onMessage,
        onFault: (reason) => log.write('warn', `closed a connection: ${reason}`),
      }),
  });
  say(`listening on ${socketPath}`);
  await untilStopped(daemon);
}

function parseFlags() {
  try {
    return parseArgs({
      options: {
        config: { type: 'string' },
        socket: { type: 'string' },
        store: { type: 'string' },
        'log-level': { type: 'string' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw new UsageError(`${problemOf(cause).message.replace(/\.?$/, '')}; see iam-tokend --help`, { cause });
  }
}

async function configOf(
  flags: ReturnType<typeof parseFlags>,
  path: string,
): Promise<{ readonly config: Config; readonly warnings: readonly string[] }> {
  const nowMs = systemClock().now().wallMs;
  const result = await loadConfig({
    flags: { store: flags.store, logLevel: flags['log-level'] },
    environment: process.env,
    file: configFile(path, flags.config !== undefined),
    scheduleFault: (pattern) => scheduleFault(pattern, nowMs),
  });
  if (!result.ok) throw new UsageError(result.mistakes.join('\n'));
  const warning = scheduleWarning(result.config.refresh.schedule, nowMs);
  return {
    config: result.config,
    warnings: warning === null ? result.warnings : [...result.warnings, warning],
  };
}

function configFile(path: string, isNamed: boolean): { readonly path: string; readonly text: string } | null {
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (cause) {
    if (!isNamed && cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new UsageError(`${path} cannot be read: ${problemOf(cause).message}`, { cause });
  }
}

function storeOf(config: Config, clock: Clock): CredentialStore {
  switch (config.store) {
    case 'memory':
      return createMemoryStore();
    case 'keychain':
      return createKeytarStore({
        helperPath: join(__dirname, 'keychain-helper.js'),
        clock,
        platform: process.platform,
        environment: process.env,
      });
    default:
      return config.store satisfies never;
  }
}

/** systemd names the journal's device and inode, for a child may have inherited the variable and not the stream. */
function logDestination(folder: string): LogDestination {
  const { dev, ino } = fstatSync(2);
  return process.env['JOURNAL_STREAM'] === `${dev}:${ino}`
    ? { kind: 'journal' }
    : { kind: 'folder', path: folder };
}

async function untilStopped(daemon: Daemon): Promise<void> {
  process.on('SIGTERM', () => void daemon.stop());
  process.on('SIGINT', () => void daemon.stop());
  await daemon.stopped;
}

function say(text: string): void {
  process.stderr.write(`iam-tokend: ${text}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    for (const line of problemOf(error).message.split('\n')) say(`error: ${line}`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
