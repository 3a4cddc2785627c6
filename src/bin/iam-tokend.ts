import { closeInspector } from '../adapters/close-inspector.ts'; // Must be the first import; see there.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createFileLocking } from '../adapters/file-locking.ts';
import { loadCLibrary } from '../adapters/c-library.ts';
import { createSystemClock } from '../adapters/system-clock.ts';
import { formatDaemonHelp } from '../cli/parsing/daemon-options.ts';
import { escapeControlCharacters } from '../cli/terminal/escape.ts';
import { ConfigError } from '../config/read-config.ts';
import { InstanceLocks, rejectRecordedDaemon } from '../daemon/instance/instance-locks.ts';
import { createDaemonRecord } from '../files/daemon-record.ts';
import { FileDeadline } from '../files/file-deadline.ts';
import { systemFiles } from '../files/file-system.ts';
import { ensureTrustedFolder } from '../files/folders.ts';
import { findRecordedSockets } from '../files/sockets/abandoned-socket.ts';
import type { ProcessContext } from '../platform/paths.ts';
import { systemPaths } from '../platform/paths.ts';
import { processContext } from '../platform/process-context.ts';
import { removeUnsafeVariables } from '../platform/unsafe-environment.ts';
import { consumeServiceEnvironment } from '../service/service-notifier.ts';
import { findBoundPath } from '../service/bound-path.ts';
import { userMessage } from '../shared/error-utils.ts';
import { IamTokenError } from '../shared/errors.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';
import { version } from '../shared/version.ts';
import { StateCachingStore } from '../stores/state-caching-store.ts';
import { acquireLocks, waitForLocks } from './iam-tokend/acquire-locks.ts';
import {
  type DaemonPaths,
  type Flags,
  parseFlags,
  resolveDaemonPaths,
  resolveSocketPaths,
  type SocketPaths,
  UsageError,
} from './iam-tokend/arguments.ts';
import { answerStartFailure } from './iam-tokend/start/answer-start-failure.ts';
import { buildProfiles } from './iam-tokend/build-profiles.ts';
import { createStore } from './iam-tokend/create-store.ts';
import { openDaemonLog, writeStderr } from './iam-tokend/daemon-log.ts';
import { isStderrJournal } from './iam-tokend/journal.ts';
import { findCredentialSocketWarning } from './iam-tokend/listeners/credential-socket.ts';
import { findListenerWarnings } from './iam-tokend/listeners/listeners.ts';
import { PeerGuard } from './iam-tokend/peer-guard.ts';
import { runPurge } from './iam-tokend/start/run-purge.ts';
import { reloadSettings } from './iam-tokend/reload.ts';
import { serve, type ServedDaemon } from './iam-tokend/serve.ts';
import { StartSteps, StartTimeoutError } from './iam-tokend/start/start-steps.ts';
import { loadSettings, ReloadableSettings } from './iam-tokend/settings.ts';

process.umask(0o077);
// Writing to a closed terminal must not end the daemon.
process.stderr.on('error', () => undefined);

/** For a daemon that is stopping, which takes at most a second, and its locks. */
const purgeWaitMs = 3_000;

const clock = createSystemClock();
const steps = new StartSteps(clock);
const fileDeadline = new FileDeadline(clock);
const unsafeEnvironment = removeUnsafeVariables(process.env);
const serviceEnvironment = consumeServiceEnvironment(process.env, process.pid, readOwnCgroup());

async function main(): Promise<void> {
  const flags = parseFlags();
  if (flags.help === true) return void process.stdout.write(formatDaemonHelp());
  if (flags.version === true) return void process.stdout.write(`iam-tokend ${version}\n`);
  const isPurge = flags.purge === true;
  const context = processContext();
  const paths = resolveDaemonPaths(flags, context);
  const guard = new PeerGuard(context.platform, context.uid, paths.isSystemWide);
  requireSupportedMode(flags, paths, guard);
  await runWhenFree(isPurge, 'use the configuration folder', () => ensureConfigFolders(paths, context.uid));

  const settings = await steps.run('read the configuration', () =>
    ReloadableSettings.load(() => loadSettings(flags, paths, clock, context.uid, fileDeadline)),
  );
  const { config, warnings } = settings.current;
  const socketPaths = resolveSocketPaths(flags, paths, config, context);
  const { listenFd } = serviceEnvironment;
  const passedPath = listenFd === null ? null : findBoundPath(listenFd);
  const ownSockets = isPurge ? noSockets : selectOwnSockets(socketPaths);
  const recordedSockets = findRecordedSockets(paths, context.uid);
  const locks = createLocks(passedPath ?? socketPaths.ipc, paths.config, context, guard);
  const group = await runWhenFree(isPurge, 'lock the folders and sockets', () =>
    acquireLocks(locks, paths, ownSockets, config.store === 'file', context),
  );

  const store = new StateCachingStore(createStore(config, paths, context.uid, clock), clock);
  if (isPurge) return runPurge(store, paths, context, [socketPaths.ipc, ...recordedSockets]);
  const log = openDaemonLog(config.log.level, paths.log, clock);
  const credentialWarning = findCredentialWarning(context, guard, paths);
  const listenerWarnings = findListenerWarnings(config, socketPaths, context, credentialWarning);
  for (const warning of [...unsafeEnvironment.warnings, ...warnings, ...listenerWarnings]) log.warn(warning);
  steps.useLog(log);
  const profileParts = await steps.run('read the profile list', () =>
    buildProfiles({ clock, log, context, settings, fileDeadline, store, paths, guard }),
  );

  const daemon = await serve({
    clock,
    log,
    store,
    ...profileParts,
    context,
    guard,
    config,
    socketPaths,
    group,
    serviceEnvironment,
    passedPath,
    locks,
    isSystemWide: paths.isSystemWide,
    configFolder: paths.config,
    unsafeEnvironment: unsafeEnvironment.names,
    protectProcess: () => protectProcess(guard),
    getContainerAccess: () => guard.getContainerAccess(settings.current.config.peers.containers),
  });
  if (!isStderrJournal()) writeStderr(`listening on ${socketPaths.ipc}`);
  await awaitSignals(daemon, () => reloadSettings(settings, profileParts, log));
  // By these files, `--purge` finds a socket at another path.
  if (socketPaths.ipc === paths.defaultSocket) locks.removeFiles();
}

/** Those that this process binds: systemd may have passed others. */
function selectOwnSockets({ ipc, http, credential }: SocketPaths): Parameters<typeof acquireLocks>[2] {
  const { listenFd, credentialFd } = serviceEnvironment;
  return {
    ipc: listenFd === null ? ipc : null,
    http,
    credential: credentialFd === null ? credential : null,
  };
}

function findCredentialWarning(
  context: ProcessContext,
  guard: PeerGuard,
  { isSystemWide }: DaemonPaths,
): string | null {
  return findCredentialSocketWarning(context, guard, isSystemWide, serviceEnvironment.credentialFd);
}

/** A purge waits for a daemon that is stopping; a second daemon does not. */
function runWhenFree<T>(isPurge: boolean, step: string, action: () => Promise<T>): Promise<T> {
  return steps.run(step, () => waitForLocks(action, isPurge ? purgeWaitMs : 0));
}

function protectProcess(guard: PeerGuard): ReturnType<PeerGuard['protectProcess']> {
  closeInspector();
  return guard.protectProcess();
}

const noSockets = { ipc: null, http: null, credential: null } as const;

/** @throws UsageError */
function requireSupportedMode(flags: Flags, { isSystemWide }: DaemonPaths, guard: PeerGuard): void {
  if (isSystemWide && guard.cLibrary === null) {
    throw new UsageError(
      'a system-wide daemon identifies its users with koffi, which is not installed or does not load here',
    );
  }
  if (flags.purge === true && flags.config !== undefined) {
    throw new UsageError('--purge cannot be combined with --config: it deletes the default folders only');
  }
}

/** The configuration decides where credentials are sent, so no other user may be able to change it. */
async function ensureConfigFolders(
  { config, configFile, alternatives }: DaemonPaths,
  uid: number | null,
): Promise<void> {
  rejectRecordedDaemon(config);
  const alternative = omitUndefined({ alternative: alternatives.config });
  for (const path of new Set([config, dirname(configFile)])) {
    const target = { path, name: 'the configuration folder', ...alternative };
    await ensureTrustedFolder(target, systemFiles(uid));
  }
}

function createLocks(
  socketPath: string,
  configFolder: string,
  { platform, uid, env }: ProcessContext,
  guard: PeerGuard,
): InstanceLocks {
  const locking = createFileLocking(platform, guard.cLibrary, env['PATH']);
  const record = createDaemonRecord(resolve(socketPath), configFolder);
  return new InstanceLocks({ platform, uid, locking, record });
}

function readOwnCgroup(): string {
  try {
    return process.platform === 'linux' ? readFileSync('/proc/self/cgroup', 'utf8') : '';
  } catch {
    return ''; // Without /proc, the name of the unit is unknown.
  }
}

/** Resolves when the daemon has stopped. */
async function awaitSignals(daemon: ServedDaemon, reload: () => Promise<unknown>): Promise<void> {
  process.on('SIGTERM', () => void daemon.stop());
  process.on('SIGINT', () => void daemon.stop());
  process.on('SIGHUP', () => void Promise.all([daemon.checkSockets(), reload()]));
  await daemon.stopped;
}

function reportError(error: unknown): void {
  const hint = error instanceof IamTokenError ? error.hint : undefined;
  const hintLines = hint?.split('\n').map((line) => `hint: ${line}`) ?? [];
  if (isStderrJournal()) {
    for (const line of [...userMessage(error).split('\n'), ...hintLines])
      process.stderr.write(`<3>${escapeControlCharacters(line)}\n`);
  } else {
    for (const line of userMessage(error).split('\n')) writeStderr(`error: ${line}`);
    hintLines.forEach(writeStderr);
  }
}

function exitAtOnce(code: number): void {
  loadCLibrary(process.platform)?.exitAtOnce(code);
  process.kill(process.pid, 'SIGKILL');
}

main().then(
  () => process.exit(0),
  async (error: unknown) => {
    reportError(error);
    const [reason = ''] = userMessage(error).split('\n');
    const isSystemWide = process.argv.some((argument) => argument.endsWith(systemPaths.configFile));
    // Whatever goes wrong here, systemd must see the exit code, which decides about a restart.
    await answerStartFailure(serviceEnvironment, reason, isSystemWide, clock).catch(() => undefined);
    // A thread that hangs would block `process.exit`.
    if (error instanceof StartTimeoutError) exitAtOnce(1);
    process.exit(error instanceof UsageError || error instanceof ConfigError ? 2 : 1);
  },
);
