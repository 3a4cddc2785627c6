/** What the service manager says to the daemon, and what it wants to hear. */
import { type ChildProcess, execFile } from 'node:child_process';
import type { ServiceManager } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { agentLabel } from './launchd-agent.ts';

/** What the service manager told this process when it started it. */
export interface ServiceStart {
  /** `null` where somebody else started it. */
  readonly manager: ServiceManager | null;
  /** A socket that listens already. It is systemd's: others queue on it while we are away. */
  readonly listenFd: number | null;
  /** Where to tell how we are. */
  readonly notifySocket: string | null;
  /** Silence that lasts this long gets us killed. */
  readonly watchdogMs: number | null;
}

const told = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC'];
/** The first that systemd passes. */
const firstPassedFd = 3;

/**
 * Reads it and takes it out of `env`, for a child would believe that it was meant. A shell that runs in a unit of
 * systemd passes the same variables on: they count only where they name our process (sd_listen_fds(3), sd_notify(3),
 * systemd.exec(5)).
 * @param cgroup the text of /proc/self/cgroup; empty on other systems
 */
export function takeServiceStart(env: NodeJS.ProcessEnv, pid: number, cgroup: string): ServiceStart {
  const given = { ...env };
  for (const name of told) delete env[name];
  const isOurs = (name: string): boolean => given[name] === String(pid);
  if (!isOurs('LISTEN_PID') && !isOurs('SYSTEMD_EXEC_PID')) {
    // launchd names the job so. Not run on macOS.
    const isAgent = given['XPC_SERVICE_NAME'] === agentLabel;
    const manager = isAgent ? { kind: 'launchd', unit: agentLabel } : null;
    return { manager, listenFd: null, notifySocket: null, watchdogMs: null };
  }
  const watchdogMs = Number(given['WATCHDOG_USEC'] ?? 0) / 1_000;
  return {
    manager: {
      // systemd.exec(5): set only for the units of a user's manager.
      kind: given['MANAGERPID'] === undefined ? 'systemd' : 'systemd --user',
      unit: /\/([^/\n]+\.service)$/m.exec(cgroup)?.[1] ?? 'unknown',
    },
    listenFd: isOurs('LISTEN_PID') && Number(given['LISTEN_FDS']) >= 1 ? firstPassedFd : null,
    notifySocket: given['NOTIFY_SOCKET'] ?? null,
    watchdogMs: isOurs('WATCHDOG_PID') && watchdogMs > 0 ? watchdogMs : null,
  };
}

/** Whoever started the daemon, and what it wants to hear. */
export interface Supervision {
  /** `null`: a person. */
  readonly manager: ServiceManager | null;
  readonly ready: () => void;
  readonly stopping: () => void;
}

/**
 * Once ready, says twice in each span of silence that is allowed that the loop still turns.
 * @param notify the way to whoever listens at its socket
 */
export function supervision(
  clock: Clock,
  { manager, watchdogMs }: ServiceStart,
  notify: Notify | null,
): Supervision {
  const alarm = clock.alarm(() => {
    void notify?.('WATCHDOG=1');
    planNext();
  });
  const planNext = (): void => {
    if (watchdogMs !== null) alarm.set(clock.now().monotonicMs + watchdogMs / 2);
  };
  return {
    manager,
    ready: () => {
      void notify?.('READY=1');
      planNext();
    },
    stopping: () => {
      void notify?.('STOPPING=1');
      alarm.cancel();
    },
  };
}

/**
 * Tells the service manager how this process is, in the words of sd_notify(3): `READY=1`, `STOPPING=1`, `WATCHDOG=1`.
 * Resolves when it was told, or cannot be; never throws.
 */
export type Notify = (state: string) => Promise<void>;

/**
 * By the program of that name, for Node has no datagram sockets of this kind. It needs `NotifyAccess=all`.
 * @param socket the value of `NOTIFY_SOCKET`
 * @param path the `PATH` by which the program is found
 */
export function systemdNotify(
  socket: string,
  path: string | undefined,
  onFault: (reason: string) => void,
): Notify {
  const env = { NOTIFY_SOCKET: socket, PATH: path };
  let last: ChildProcess | undefined;
  return (state) =>
    new Promise((resolve) => {
      // It waits until systemd has read the word before: by now that is too late.
      last?.kill('SIGKILL');
      last = execFile('systemd-notify', [state], { env }, (error) => {
        if (error !== null) {
          const isStarted = typeof error.code !== 'string';
          const reason = isStarted
            ? `systemd-notify ended with ${error.signal ?? error.code}`
            : error.message;
          onFault(`systemd is not told ${state}: ${reason}`);
        }
        resolve();
      });
    });
}
