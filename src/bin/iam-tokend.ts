import { closeInspector } from '../adapters/inspector.ts';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { childProcesses } from '../adapters/child-process.ts';
import { nodeIpcServer } from '../adapters/node-ipc-server.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { winstonLog } from '../adapters/winston-log.ts';
import { daemonUsage } from '../cli/daemon-options.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/read-config.ts';
import { CredentialSlots } from '../daemon/credential-slots.ts';
import { startDaemon } from '../daemon/daemon.ts';
import { forgetAll } from '../daemon/forget-all.ts';
import { peerProofs } from '../daemon/peer-proofs.ts';
import { openProfileRegistry, prepareConfigFolder } from '../daemon/profile-registry.ts';
import { Profiles } from '../daemon/profiles.ts';
import { holdLock, prepareSharedSocket, prepareSocket } from '../daemon/single-instance.ts';
import { Subscriptions } from '../daemon/subscriptions.ts';
import { httpSocket, metadataDoor } from '../http/doors.ts';
import type { HttpServer } from '../http/http-server.ts';
import { peerUids } from '../http/peer-uid.ts';
import { pipeKeyPath, socketPathProblem } from '../platform/places.ts';
import { isForeignProgram, surroundingsOfProcess } from '../platform/surroundings.ts';
import { type Notify, supervision, systemdNotify, takeServiceStart } from '../service/supervision.ts';
import { isoTime } from '../shared/clock.ts';
import { problemOf } from '../shared/errors.ts';
import { given } from '../shared/given.ts';
import { sentenceOf } from '../shared/thrown.ts';
import { version } from '../shared/version.ts';
import type { SourceTools } from '../sources/credential-kind.ts';
import { kindNamed } from '../sources/kinds.ts';
import { problemNow } from '../token/outlook.ts';
import { chosenStore } from './iam-tokend/chosen-store.ts';
import { toJournal } from './iam-tokend/journal.ts';
import { PeerGuard } from './iam-tokend/peer-guard.ts';
import { daemonPlaces, parseFlags, settingsFrom, UsageError } from './iam-tokend/settings.ts';

process.umask(0o077);
// A daemon outlives the terminal or the pipe that it was started from.
process.stderr.on('error', () => undefined);

const clock = systemClock();

async function main(): Promise<void> {
  const flags = parseFlags();
  if (flags.help === true) return void process.stdout.write(daemonUsage());
  if (flags.version === true) return void process.stdout.write(`iam-tokend ${version}\n`);
  const surroundings = surroundingsOfProcess();
  const { platform, uid, env } = surroundings;
  const places = daemonPlaces(flags, surroundings);
  const { isForSystem } = places;
  const guard = new PeerGuard(platform, uid, isForSystem);
  if (isForSystem && guard.library === null) {
    throw new UsageError(
      'a daemon for the whole system tells its users apart by koffi, which is not installed or does not load here',
    );
  }
  if (flags.purge === true && flags.config !== undefined) {
    throw new UsageError('--purge removes the usual folders, and none that --config names');
  }
  prepareConfigFolder(places.config, uid);
  if (isForSystem) prepareConfigFolder(dirname(places.configFile), uid);
  let settings = await settingsFrom(flags, places, clock.now().wallMs);
  const socketPath = flags.socket ?? (env['IAM_TOKEND_SOCKET'] || places.socket);
  // A pipe of Windows lies in no folder.
  const hasHttpSocket = settings.config.http.socket && platform !== 'win32';
  const httpPath = hasHttpSocket ? join(dirname(socketPath), 'http.sock') : null;
  for (const path of [socketPath, httpPath ?? socketPath]) {
    const socketProblem = socketPathProblem(path, platform);
    if (socketProblem !== null) throw new UsageError(socketProblem.message);
  }

  const start = takeServiceStart(process.env, process.pid, ownCgroup());
  const { listenFd } = start;

  await holdLock(join(places.config, 'lock'), platform);
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
  const store = chosenStore(settings.config, places, uid, clock);
  if (flags.purge === true) return forgetAll(store, places);

  const log = winstonLog(settings.config.log.level, toJournal() ? null : places.log);
  const warn = (warning: string): void => {
    if (!toJournal()) say(`warning: ${warning}`);
    log.write('warn', warning);
  };
  settings.warnings.forEach(warn);
  const registry = openProfileRegistry(places.config);
  const { instance } = registry.current();
  const subscriptions = new Subscriptions();
  const tools: SourceTools = {
    clock,
    http: { send: (request, signal) => settings.http.send(request, signal) },
    programs: childProcesses(surroundings, clock, isForeignProgram),
    get timeoutMs() {
      return settings.config.iam.timeoutMs;
    },
  };
  const profiles = new Profiles({
    clock,
    log,
    registry,
    store,
    slots: new CredentialSlots(store, registry, log),
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
  if (settings.config.http.socket && httpPath === null) warn('http.socket: there is none on Windows');
  let metadata: HttpServer | null = null;

  const daemon = await startDaemon({
    clock,
    log,
    version,
    store,
    profiles,
    subscriptions,
    proofs: platform === 'win32' ? await peerProofs(pipeKeyPath(surroundings), socketPath) : undefined,
    supervision: supervision(clock, start, start.notifySocket === null ? null : notifyAt(start.notifySocket)),
    protect: () => {
      closeInspector();
      return guard.protect();
    },
    listeners: async (onMessage) => {
      const ipc = await nodeIpcServer({
        listenOn: listenFd === null ? { path: socketPath } : { fd: listenFd },
        platform,
        clock,
        admit: (socket) => guard.admit(socket),
        ...given({ group }),
        onMessage,
        onFault: (reason) => log.write('warn', `closed a connection: ${reason}`),
      });
      const door = { handle: onMessage, clock, log };
      const onlyFor = allowAnyLocalUser || !knowsUids ? null : { uid, uidOf: peerUids() };
      if (listen !== null) metadata = await metadataDoor({ ...door, listenOn: listen, onlyFor });
      const http =
        httpPath === null ? [] : [await httpSocket(door, httpPath, (socket) => guard.admit(socket))];
      return [ipc, ...http, ...(metadata === null ? [] : [metadata])];
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
    return guard.library?.notifier(socket, onFault) ?? systemdNotify(socket, env['PATH'], onFault);
  }

  /** The whole of a new configuration, or nothing of it. */
  async function readAgain(): Promise<void> {
    try {
      const before = settings.config;
      settings = await settingsFrom(flags, places, clock.now().wallMs);
      log.setLevel(settings.config.log.level);
      profiles.replan();
      log.write('info', 'read the configuration again');
      settings.warnings.forEach(warn);
      const { config } = settings;
      const differs = (...keys: readonly (keyof Config)[]): boolean =>
        keys.some((key) => !isDeepStrictEqual(config[key], before[key]));
      if (differs('store', 'file')) warn('another store is used after a restart only');
      if (differs('http', 'metadata')) warn('http and metadata are heard after a restart only');
    } catch (error) {
      for (const mistake of problemOf(error).message.split('\n')) log.write('error', mistake);
      log.write('error', 'the configuration stays as it was');
    }
  }
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
    for (const line of sentenceOf(error).split('\n')) {
      if (toJournal()) process.stderr.write(`<3>${line}\n`);
      else say(`error: ${line}`);
    }
    process.exit(error instanceof UsageError || error instanceof ConfigError ? 2 : 1);
  },
);
