import { existsSync, lstatSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { permissions } from '../../files/access.ts';
import { moveAwayCommand } from '../../files/file-errors.ts';
import { systemFiles } from '../../files/file-system.ts';
import { createFolder, createGroupFolder, folderOf, requireUnreplaceable } from '../../files/folders.ts';
import { probeSocket } from '../../files/sockets/probe-socket.ts';
import { checkSocketFolder, lstat } from '../../files/sockets/socket-folder.ts';
import { moveAside } from '../../files/write-file.ts';
import type { ProcessContext } from '../../platform/paths.ts';
import { IamTokenError } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { quotePosixWord, quoteShellWord } from '../../shared/shell-quoting.ts';
import { AlreadyRunningError } from './already-running-error.ts';
import type { InstanceLocks } from './instance-locks.ts';

function startError(message: string, hint: string): IamTokenError {
  return new IamTokenError({ code: 'internal', message, hint });
}

export type SocketOwner = Pick<ProcessContext, 'platform' | 'uid'>;

/**
 * Prepares the path for a socket: its folder exists and is private, its lock is held, and a stale socket is removed.
 * @param locks `null` if the lock of another socket covers this one
 * @throws IamTokenError, AlreadyRunningError
 */
export async function prepareSocket(
  socketPath: string,
  { platform, uid }: SocketOwner,
  locks: InstanceLocks | null,
): Promise<void> {
  if (platform === 'win32') return;
  const folder = dirname(socketPath);
  if (!existsSync(folder)) {
    const alternative = 'choose another path with --socket or IAM_TOKEND_SOCKET, for client and daemon';
    await createFolder(folderOf({ path: socketPath, name: 'the socket', alternative }), systemFiles(uid));
  }
  const folderCheck = checkSocketFolder({ socketPath, isExplicit: false, uid, lstat });
  if (folderCheck.kind === 'untrusted') throw startError(folderCheck.message, folderCheck.hint);
  await requireUnreplaceable(folderOf({ path: socketPath, name: 'the socket' }), systemFiles(uid));
  await locks?.acquire(`${socketPath}.lock`);
  await removeStaleSocket(socketPath);
}

/**
 * As `prepareSocket`, for a path that was removed or replaced while the daemon ran. What is in the way is moved aside,
 * except a socket that another program listens on.
 * @param log receives the new path of each file that was moved
 * @throws IamTokenError, AlreadyRunningError; the system's error
 */
export async function prepareSocketAgain(
  socketPath: string,
  owner: SocketOwner,
  locks: InstanceLocks | null,
  log: Log,
): Promise<void> {
  const folder = dirname(socketPath);
  const isOwnFile = (stats: Stats): boolean => stats.isFile() && stats.uid === owner.uid;
  moveAsideIf(folder, isOwnFile, log);
  moveAsideIf(socketPath, (stats) => !stats.isSocket(), log);
  await prepareSocket(socketPath, owner, locks);
}

/**
 * As `prepareSocketAgain`, for a socket that other users may use.
 * @param group of the folder, if it has to be created
 */
export async function prepareSharedSocketAgain(
  socketPath: string,
  owner: SocketOwner,
  locks: InstanceLocks,
  log: Log,
  group: number | undefined,
): Promise<void> {
  const folder = folderOf({ path: socketPath, name: 'the socket' });
  if (group !== undefined) await createGroupFolder(folder, group, systemFiles(owner.uid));
  moveAsideIf(socketPath, (stats) => !stats.isSocket(), log);
  await prepareSharedSocket(socketPath, owner, locks);
}

function moveAsideIf(path: string, isInTheWay: (stats: Stats) => boolean, log: Log): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && isInTheWay(stats)) log.write('warn', `moved ${path} to ${moveAside(path)}`);
}

/**
 * As `prepareSocket`, for a socket that other users may use: only root can write to its folder.
 * @returns the folder's group, for the socket
 */
export async function prepareSharedSocket(
  socketPath: string,
  { platform, uid }: SocketOwner,
  locks: InstanceLocks,
): Promise<number> {
  const folder = dirname(socketPath);
  const { uid: owner, mode, gid } = statSync(folder, { throwIfNoEntry: false }) ?? {};
  if (uid !== 0) {
    const message = 'without a socket from systemd, a system-wide daemon must run as root';
    throw startError(message, 'systemctl start iam-tokend.socket');
  }
  if (owner !== 0 || gid === undefined || ((mode ?? 0) & permissions.write) !== 0) {
    throw startError(
      `the socket's folder ${folder} must belong to root and be writable by root only`,
      `install -d -m 0750 -g iam-tokend ${quoteShellWord(folder, platform)}`,
    );
  }
  await locks.acquire(`${socketPath}.lock`);
  await removeStaleSocket(socketPath);
  return gid;
}

/**
 * Removes a socket that no process listens on. The caller holds the lock of this socket.
 * @throws AlreadyRunningError when a process listens or the connection times out
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw startError(`${path} exists and is not a socket`, moveAwayCommand(path));
  const code = await probeSocket(path);
  if (code === 'ENOENT') return;
  if (code !== 'ECONNREFUSED') {
    const message = `another program is listening on ${path}`;
    throw new AlreadyRunningError({
      code: 'internal',
      message,
      hint: `iam-token status --socket ${quotePosixWord(path)}`,
    });
  }
  unlinkSync(path);
}
