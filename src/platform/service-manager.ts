import { posix } from 'node:path';
import { type ProcessContext, socketCandidates, systemPaths } from './paths.ts';

type ServiceManagerContext = Pick<ProcessContext, 'platform' | 'env' | 'uid' | 'isOwnFolder'>;

/** The runtime folder of the systemd user manager; `null` if none is running. */
export function userManagerFolder({ platform, env, uid, isOwnFolder }: ServiceManagerContext): string | null {
  if (platform !== 'linux') return null;
  const folders = [env['XDG_RUNTIME_DIR'] ?? '', `/run/user/${uid}`].filter((folder) =>
    posix.isAbsolute(folder),
  );
  return folders.find((folder) => isOwnFolder(posix.join(folder, 'systemd'))) ?? null;
}

/** Whether a service manager can run the daemon for this user. */
export function hasServiceManager(context: ServiceManagerContext): boolean {
  if (context.platform === 'darwin' || context.platform === 'win32') return true;
  return context.uid !== 0 && userManagerFolder(context) !== null;
}

/** Whether the systemd of the machine is running; sd_booted(3). */
export function isSystemdRunning({
  platform,
  isOwnFolder,
}: Pick<ServiceManagerContext, 'platform' | 'isOwnFolder'>): boolean {
  return platform === 'linux' && isOwnFolder('/run/systemd/system');
}

/** The command that starts a daemon. */
export function startCommand(context: ServiceManagerContext): string {
  return hasServiceManager(context) ? 'iam-token install' : 'iam-tokend &';
}

/**
 * The command that restarts the daemon with the installed release.
 * @param socketPath of the daemon
 */
export function upgradeCommand(context: ProcessContext, socketPath?: string): string {
  if (socketPath === systemPaths.socket) return 'sudo iam-token install --system';
  // A service listens at its own path only.
  const canBeService = socketPath === undefined || socketCandidates(context).includes(socketPath);
  return canBeService && hasServiceManager(context) ? 'iam-token install' : 'iam-token stop; iam-tokend &';
}
