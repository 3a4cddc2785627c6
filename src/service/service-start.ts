import type { ServiceManager } from '../protocol/messages.ts';
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
