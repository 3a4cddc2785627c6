/** What the service manager passes to the daemon, and the notifications that it expects. */
import type { ChildProcess } from 'node:child_process';
import type { ServiceManager } from '../protocol/method-types.ts';
import type { Clock } from '../shared/clock.ts';
import { agentLabel } from './launchd-agent.ts';

/** What the service manager passed to this process. */
export interface ServiceEnvironment {
  /** `null` if no service manager started the process. */
  readonly manager: ServiceManager | null;
  /** A listening socket owned by systemd: clients queue on it while the daemon restarts. */
  readonly listenFd: number | null;
  /** A second one, for `credential.sock`. */
  readonly credentialFd: number | null;
  /** The value of `NOTIFY_SOCKET`. */
  readonly notifySocket: string | null;
  /** systemd kills the daemon after this long without a notification. */
  readonly watchdogMs: number | null;
}

const managerVariables = [
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
];
/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const listenFdsStart = 3;
/** `FileDescriptorName=` of the socket unit for `credential.sock`. */
const credentialFdName = 'credential';

/**
 * Reads the variables and deletes them from `env`, so that child processes do not inherit them. A shell within a unit
 * inherits them too, so they count only if they name this process (sd_listen_fds(3), sd_notify(3), systemd.exec(5)).
 * @param cgroup the text of /proc/self/cgroup; empty on other systems
 */
export function consumeServiceEnvironment(
  env: NodeJS.ProcessEnv,
  pid: number,
  cgroup: string,
): ServiceEnvironment {
  const originalEnv = { ...env };
  for (const name of managerVariables) delete env[name];
  const isForThisProcess = (name: string): boolean => originalEnv[name] === String(pid);
  if (!isForThisProcess('LISTEN_PID') && !isForThisProcess('SYSTEMD_EXEC_PID')) {
    // Set by launchd to the job's label. Not run on macOS.
    const isAgent = originalEnv['XPC_SERVICE_NAME'] === agentLabel;
    const manager = isAgent ? { kind: 'launchd', unit: agentLabel } : null;
    return { manager, listenFd: null, credentialFd: null, notifySocket: null, watchdogMs: null };
  }
  const watchdogMs = Number(/^\d{1,15}$/.exec(originalEnv['WATCHDOG_USEC'] ?? '')?.[0] ?? 0) / 1_000;
  return {
    manager: {
      // systemd.exec(5): set for units of a user manager only.
      kind: originalEnv['MANAGERPID'] === undefined ? 'systemd' : 'systemd --user',
      unit: /\/([^/\n]+\.service)$/m.exec(cgroup)?.[1] ?? 'unknown',
    },
    ...(isForThisProcess('LISTEN_PID')
      ? findListeningFds(originalEnv)
      : { listenFd: null, credentialFd: null }),
    notifySocket: originalEnv['NOTIFY_SOCKET'] ?? null,
    watchdogMs: isForThisProcess('WATCHDOG_PID') && watchdogMs > 0 ? watchdogMs : null,
  };
}

/** The descriptors by their names, which systemd passes in the order of their numbers; without names, one socket. */
function findListeningFds({
  LISTEN_FDS: count = '',
  LISTEN_FDNAMES: names = '',
}: NodeJS.ProcessEnv): Pick<ServiceEnvironment, 'listenFd' | 'credentialFd'> {
  if (!/^[1-9]\d?$/.test(count)) return { listenFd: null, credentialFd: null };
  const fdNames = names.split(':').slice(0, Number(count));
  const fdOf = (index: number): number | null => (index === -1 ? null : listenFdsStart + index);
  return {
    listenFd: fdOf(fdNames.findIndex((name) => name !== credentialFdName)),
    credentialFd: fdOf(fdNames.indexOf(credentialFdName)),
  };
}

/** Sends notifications to the service manager. */
export interface ServiceNotifier {
  /** `null` if no service manager started the daemon. */
  readonly manager: ServiceManager | null;
  readonly notifyReady: () => void;
  readonly notifyStopping: () => void;
}

/**
 * Once ready, notifies the watchdog twice per `watchdogMs`.
 * @param notify sends to `NOTIFY_SOCKET`; `null` if there is none
 */
export function createServiceNotifier(
  clock: Clock,
  { manager, watchdogMs }: ServiceEnvironment,
  notify: SdNotify | null,
): ServiceNotifier {
  const alarm = clock.createAlarm(() => {
    void notify?.('WATCHDOG=1');
    scheduleWatchdog();
  });
  const scheduleWatchdog = (): void => {
    if (watchdogMs !== null) alarm.set(clock.now().monotonicMs + watchdogMs / 2);
  };
  return {
    manager,
    notifyReady: () => {
      void notify?.('READY=1');
      scheduleWatchdog();
    },
    notifyStopping: () => {
      void notify?.('STOPPING=1');
      alarm.cancel();
    },
  };
}

/** Sends a state of sd_notify(3): `READY=1`, `STOPPING=1`, `WATCHDOG=1`. Resolves when that was tried; never throws. */
export type SdNotify = (state: string) => Promise<void>;

/**
 * Notifies by systemd-notify(1), because Node has no Unix datagram sockets. Requires `NotifyAccess=all`.
 * @param socket the value of `NOTIFY_SOCKET`
 * @param path the `PATH` to find the program in
 */
export function createSdNotifyCommand(
  socket: string,
  path: string | undefined,
  onError: (reason: string) => void,
): SdNotify {
  const env = { NOTIFY_SOCKET: socket, PATH: path };
  let lastChild: ChildProcess | undefined;
  return (state) =>
    new Promise((resolve) => {
      // A notification that systemd has not read yet is outdated.
      lastChild?.kill('SIGKILL');
      const { execFile } = process.getBuiltinModule('node:child_process');
      lastChild = execFile('systemd-notify', [state], { env }, (error) => {
        if (error !== null) {
          const isStarted = typeof error.code !== 'string';
          const reason = isStarted
            ? `systemd-notify exited with ${error.signal ?? error.code}`
            : error.message;
          onError(`cannot notify systemd of ${state}: ${reason}`);
        }
        resolve();
      });
    });
}
