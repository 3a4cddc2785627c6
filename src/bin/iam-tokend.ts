import { closeInspector } from '../adapters/inspector.ts';
import { fstatSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Socket } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import {
  cronSchedule,
  type Schedule,
  scheduleFault,
  scheduleWarnings,
  shiftWithinHourMs,
} from '../adapters/cron-schedule.ts';
import { type CLibrary, loadCLibrary } from '../adapters/c-library.ts';
import { childProcesses } from '../adapters/child-process.ts';
import { nodeIpcServer } from '../adapters/node-ipc-server.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { undiciHttp } from '../adapters/undici-http.ts';
import { winstonLog } from '../adapters/winston-log.ts';
import { daemonOptions, daemonUsage } from '../cli/daemon-options.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, type ConfigPlace, readConfig } from '../config/read-config.ts';
import { accessOf } from '../daemon/access.ts';
import { CredentialSlots } from '../daemon/credential-slots.ts';
import { prepareSharedSocket, prepareSocket, startDaemon, together } from '../daemon/daemon.ts';
import { forgetAll } from '../daemon/forget-all.ts';
import { openProfileRegistry, prepareConfigFolder } from '../daemon/profile-registry.ts';
import { peerProofs } from '../daemon/peer-proofs.ts';
import { isoTime } from '../daemon/profile-status.ts';
import { Profiles } from '../daemon/profiles.ts';
import { holdLock } from '../daemon/single-instance.ts';
import { Subscriptions } from '../daemon/subscriptions.ts';
import { httpSocket, metadataDoor } from '../http/doors.ts';
import type { HttpServer } from '../http/http-server.ts';
import { peerUids } from '../http/peer-uid.ts';
import type { CredentialStore } from '../keychain/credential-store.ts';
import { createFileStore } from '../keychain/file-store.ts';
import { createKeytarStore } from '../keychain/keytar-store.ts';
import { createMemoryStore } from '../keychain/memory-store.ts';
import {
  folders,
  pipeKeyPath,
  socketCandidates,
  socketPathProblem,
  systemPlaces,
} from '../platform/places.ts';
import { isForeignProgram, surroundingsOfProcess } from '../platform/surroundings.ts';
import { type Notify, systemdNotify } from '../service/notify.ts';
import { takeServiceStart } from '../service/service-start.ts';
import { supervision } from '../service/supervision.ts';
import { problemOf } from '../shared/errors.ts';
import type { HttpClient } from '../shared/http-client.ts';
import { version } from '../shared/version.ts';
import type { SourceTools } from '../sources/credential-kind.ts';
import { kindNamed } from '../sources/kinds.ts';
import { problemNow } from '../token/outlook.ts';

process.umask(0o077);
// A daemon outlives the terminal or the pipe that it was started from.
process.stderr.on('error', () => undefined);

const clock = systemClock();

/** Exit code 2, as for a `ConfigError`. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

async function main(): Promise<void> {
  const flags = parseFlags();
  if (flags.help === true) return void process.stdout.write(daemonUsage());
  if (flags.version === true) return void process.stdout.write(`iam-tokend ${version}\n`);
  const surroundings = surroundingsOfProcess();
  const { platform, uid, env } = surroundings;
  const isForSystem = flags.config !== undefined && resolve(flags.config) === systemPlaces.configFile;
  const places = isForSystem ? { ...systemPlaces, config: systemPlaces.state } : folders(surroundings);
  let cLibrary: CLibrary | null | undefined;
  /** Loaded when first needed, which costs 5 ms. */
  const getCLibrary = (): CLibrary | null =>
    cLibrary === undefined ? (cLibrary = loadCLibrary(platform)) : cLibrary;
  if (isForSystem && getCLibrary() === null) {
    throw new UsageError(
      'a daemon for the whole system tells its users apart by koffi, which is not installed or does not load here',
    );
  }
  if (flags.purge === true && flags.config !== undefined) {
    throw new UsageError('--purge removes the usual folders, and none that --config names');
  }
  const configFolder = flags.config === undefined || isForSystem ? places.config : join(flags.config, '..');
  prepareConfigFolder(configFolder, uid);
  if (isForSystem) prepareConfigFolder(dirname(systemPlaces.configFile), uid);
  const readSettings = (): Promise<Settings> =>
    settingsFrom(flags, {
      path: flags.config ?? join(configFolder, 'config.yaml'),
      isNamed: flags.config !== undefined,
    });
  let settings = await readSettings();
  if (isForSystem && settings.config.store === 'keychain') {
    throw new ConfigError(
      `${systemPlaces.configFile}: a system has no keychain; choose another store, such as file`,
    );
  }
  if (isForSystem && settings.config.httpSocket) {
    throw new ConfigError(`${systemPlaces.configFile}: http.socket is for the daemon of one person`);
  }
  const socketPath =
    flags.socket ??
    env['IAM_TOKEND_SOCKET'] ??
    (isForSystem ? systemPlaces.socket : socketCandidates(surroundings)[0]);
  // A pipe of Windows lies in no folder.
  const hasHttpSocket = settings.config.httpSocket && platform !== 'win32';
  const httpPath = hasHttpSocket ? join(dirname(socketPath), 'http.sock') : null;
  for (const path of [socketPath, httpPath ?? socketPath]) {
    const socketProblem = socketPathProblem(path, platform);
    if (socketProblem !== null) throw new UsageError(socketProblem.message);
  }

  const start = takeServiceStart(process.env, process.pid, ownCgroup());
  const { listenFd } = start;

  await holdLock(join(configFolder, 'lock'), platform);
  // The folder of a socket that was passed to us, and what is in it, are systemd's.
  let group: number | undefined;
  if (listenFd === null && flags.purge !== true) {
    if (isForSystem) group = await prepareSharedSocket(socketPath, platform, uid);
    else await prepareSocket(socketPath, platform, uid);
  }
  if (httpPath !== null && flags.purge !== true) await prepareSocket(httpPath, platform, uid, true);
  if (settings.config.store === 'file') {
    // Two daemons would lose each other's writes.
    mkdirSync(places.state, { recursive: true, mode: 0o700 });
    await holdLock(join(places.state, 'store.lock'), platform);
  }
  const store = storeOf(settings.config, join(places.state, 'store'), uid);
  if (flags.purge === true) return forgetAll(store, places);

  const log = winstonLog(
    settings.config.logLevel,
    toJournal() ? { kind: 'journal' } : { kind: 'folder', path: places.log },
  );
  const warn = (warning: string): void => {
    if (!toJournal()) say(`warning: ${warning}`);
    log.write('warn', warning);
  };
  settings.warnings.forEach(warn);
  const registry = openProfileRegistry(configFolder);
  const { instance } = registry.current();
  const subscriptions = new Subscriptions();
  const tools: SourceTools = {
    clock,
    http: { send: (request, signal) => settings.http.send(request, signal) },
    programs: childProcesses({ surroundings, clock, isExecutable: isForeignProgram }),
    get timeoutMs() {
      return settings.config.iam.timeoutMs;
    },
  };
  const profiles = new Profiles({
    clock,
    log,
    registry,
    store,
    slots: new CredentialSlots(store, instance),
    kindOf: kindNamed,
    tools,
    defaultInstallation: () => settings.config.iam,
    nextScheduledAfter: (profile, afterMs) => settings.scheduleOf(instance, profile).nextAfter(afterMs),
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

  const { listen, allowAnyLocalUser } = settings.config.metadata;
  const knowsUids = platform === 'linux' && uid !== null;
  if (listen !== null && !allowAnyLocalUser && !knowsUids) {
    warn('metadata.listen: on this system every user of the machine can take your tokens there');
  }
  if (settings.config.httpSocket && httpPath === null) warn('http.socket: there is none on Windows');
  let metadata: HttpServer | null = null;

  const daemon = await startDaemon({
    clock,
    log,
    version,
    platform,
    store,
    profiles,
    subscriptions,
    proofs: platform === 'win32' ? await peerProofs(pipeKeyPath(surroundings), socketPath) : undefined,
    supervision: supervision(clock, start, (socket) => notifyAt(socket)),
    protect: () => {
      closeInspector();
      return {
        peers: getCLibrary() === null ? 'not enforced' : isForSystem ? 'own uid, and guests' : 'own uid',
        memory: getCLibrary()?.hideMemory() === true ? 'closed' : 'not enforced',
      };
    },
    listener: async (onMessage) => {
      const ipc = await nodeIpcServer({
        listenOn: listenFd === null ? { path: socketPath } : { fd: listenFd },
        platform,
        clock,
        admit,
        ...(group === undefined ? {} : { group }),
        onMessage,
        onFault: (reason) => log.write('warn', `closed a connection: ${reason}`),
      });
      const door = { handle: onMessage, clock, log };
      const onlyFor = allowAnyLocalUser || !knowsUids ? null : { uid, uidOf: peerUids() };
      if (listen !== null) metadata = metadataDoor({ ...door, listenOn: listen, onlyFor });
      const http = httpPath === null ? [] : [httpSocket(door, httpPath, refuses)];
      return together([ipc, ...http, ...(metadata === null ? [] : [metadata])]);
    },
    metadataAddress: () => metadata?.address() ?? null,
  });
  if (!toJournal()) say(`listening on ${socketPath}`);
  process.on('SIGTERM', () => void daemon.stop());
  process.on('SIGINT', () => void daemon.stop());
  process.on('SIGHUP', () => void readAgain());
  await daemon.stopped;

  function notifyAt(socket: string): Notify {
    const onFault = (reason: string): void => log.write('warn', reason);
    return getCLibrary()?.notifier(socket, onFault) ?? systemdNotify({ socket, path: env['PATH'], onFault });
  }

  /** Whatever the rights of the socket and its folder are. */
  function admit(socket: Socket): { isGuest: boolean } | { refused: string } {
    const library = getCLibrary();
    if (library === null || uid === null) return { isGuest: false };
    const peerUid = library.peerUid(socket);
    const access = accessOf(peerUid, uid, isForSystem);
    return access === 'none'
      ? { refused: `it came from another user (uid ${peerUid ?? 'unknown'})` }
      : { isGuest: access === 'guest' };
  }

  function refuses(socket: Socket): boolean {
    const admission = admit(socket);
    if ('refused' in admission) log.write('warn', `closed a connection: ${admission.refused}`);
    return 'refused' in admission;
  }

  /** The whole of a new configuration, or nothing of it. */
  async function readAgain(): Promise<void> {
    try {
      const before = settings.config;
      settings = await readSettings();
      log.setLevel(settings.config.logLevel);
      profiles.replan();
      log.write('info', 'read the configuration again');
      settings.warnings.forEach(warn);
      const { config } = settings;
      const differs = (...keys: readonly (keyof Config)[]): boolean =>
        keys.some((key) => !isDeepStrictEqual(config[key], before[key]));
      if (differs('store', 'fileKey')) warn('another store is used after a restart only');
      if (differs('httpSocket', 'metadata')) warn('http and metadata are heard after a restart only');
    } catch (error) {
      for (const mistake of problemOf(error).message.split('\n')) log.write('error', mistake);
      log.write('error', 'the configuration stays as it was');
    }
  }
}

function parseFlags() {
  try {
    return parseArgs({ options: daemonOptions }).values;
  } catch (cause) {
    throw new UsageError(`${problemOf(cause).message.replace(/\.?$/, '')}; see iam-tokend --help`, { cause });
  }
}

/** What SIGHUP replaces as a whole. */
interface Settings {
  readonly config: Config;
  readonly warnings: readonly string[];
  readonly http: HttpClient;
  readonly scheduleOf: (instance: string, profile: string) => Schedule;
}

/** @throws ConfigError */
async function settingsFrom(flags: ReturnType<typeof parseFlags>, place: ConfigPlace): Promise<Settings> {
  const nowMs = clock.now().wallMs;
  const { config, warnings } = await readConfig(place, {
    flags: { store: flags.store, logLevel: flags['log-level'] },
    environment: process.env,
    scheduleFault: (pattern) => scheduleFault(pattern, nowMs),
  });
  const { schedule, spread } = config.refresh;
  const schedules = new Map<string, Schedule>();
  return {
    config,
    warnings: [...warnings, ...scheduleWarnings(schedule, nowMs)],
    http: undiciHttp({
      proxy: config.network.proxy,
      noProxy: config.network.noProxy,
      certificates: certificatesIn(config.network.caFile),
    }),
    scheduleOf: (instance, profile) => {
      const shiftMs = spread ? shiftWithinHourMs(hostname(), instance, profile) : 0;
      const found = schedules.get(profile) ?? cronSchedule(schedule, shiftMs);
      schedules.set(profile, found);
      return found;
    },
  };
}

function certificatesIn(caFile: string | null): string | null {
  try {
    return caFile === null ? null : readFileSync(caFile, 'utf8');
  } catch (cause) {
    throw new ConfigError(`network.caFile: ${problemOf(cause).message}`, { cause });
  }
}

/** @param path of the file store */
function storeOf({ store, fileKey }: Config, path: string, uid: number | null): CredentialStore {
  switch (store) {
    case 'file': {
      const folder = process.env['CREDENTIALS_DIRECTORY'] ?? null;
      const key = fileKey.kind === 'credential' ? { ...fileKey, folder } : fileKey;
      return createFileStore({ path, key, uid, clock });
    }
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
      return store satisfies never;
  }
}

/** systemd names the journal's device and inode, for a child may have inherited the variable and not the stream. */
function toJournal(): boolean {
  const named = process.env['JOURNAL_STREAM'];
  // Elsewhere there may be no stderr to look at.
  if (named === undefined) return false;
  // As bigints: what a stat in numbers has found is still there when Node next resolves an import, and after a pipe or
  // a socket that takes no link for one (seen with Node 20.20: packages behind a link were loaded twice, one empty).
  const { dev, ino } = fstatSync(2, { bigint: true });
  return named === `${dev}:${ino}`;
}

function ownCgroup(): string {
  return process.platform === 'linux' ? readFileSync('/proc/self/cgroup', 'utf8') : '';
}

function say(text: string): void {
  process.stderr.write(`iam-tokend: ${text}\n`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    for (const line of problemOf(error).message.split('\n')) {
      if (toJournal()) process.stderr.write(`<3>${line}\n`);
      else say(`error: ${line}`);
    }
    process.exit(error instanceof UsageError || error instanceof ConfigError ? 2 : 1);
  },
);
