/** Client and daemon check the socket's folder before they use the socket: a user who can write to it can replace it. */
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { posix } from 'node:path';
import { systemPaths } from '../../platform/paths.ts';
import { errorReason } from '../../shared/error-utils.ts';
import { quotePosixWord } from '../../shared/shell-quoting.ts';
import { type FileAccess, findAccessViolation, permissions } from '../access.ts';

/** The part of `fs.Stats` that the check uses. */
export interface FileStats extends FileAccess {
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

export interface SocketFolderInput {
  readonly socketPath: string;
  /** The user chose this socket (`--socket`, `IAM_TOKEND_SOCKET`), and with it the owner of the folder. */
  readonly isExplicit: boolean;
  /** `null` on Windows. */
  readonly uid: number | null;
  /** As `lstatSync(path, { throwIfNoEntry: false })`. */
  readonly lstat: (path: string) => FileStats | undefined;
}

export type SocketFolderCheck =
  /**
   * Owned by this user and closed to all others; for root, also the folder of the system-wide socket. Always on
   * Windows, where a pipe has no folder.
   */
  | { readonly kind: 'private' }
  /** Explicit; only root or the socket's owner can write to it. `login` and `unlock` are refused here. */
  | { readonly kind: 'guarded' }
  | { readonly kind: 'missing' }
  /** A symbolic link, not a folder, owned by another user, or accessible to other users. */
  | { readonly kind: 'untrusted'; readonly message: string; readonly hint: string };

export function checkSocketFolder(input: SocketFolderInput): SocketFolderCheck {
  const { socketPath, uid, lstat } = input;
  if (uid === null) return { kind: 'private' };
  const folder = posix.dirname(socketPath);
  const label = `the socket's folder ${folder}`;
  try {
    const stats = lstat(folder);
    if (stats === undefined) return { kind: 'missing' };
    if (stats.isSymbolicLink()) return untrustedFolder(`${label} is a symbolic link`, linkHint(folder));
    if (!stats.isDirectory()) return untrustedFolder(`${label} is not a folder`, inspectHint(folder));
    return checkAccess(input, uid, folder, stats);
  } catch (error) {
    return untrustedFolder(`cannot read ${label}: ${errorReason(error)}`, inspectHint(folder));
  }
}

function checkAccess(
  { socketPath, isExplicit, lstat }: SocketFolderInput,
  uid: number,
  folder: string,
  stats: FileStats,
): SocketFolderCheck {
  if (isExplicit && lstat(socketPath)?.isSymbolicLink() === true) {
    const hint = `name the socket itself: readlink -f ${quotePosixWord(socketPath)}`;
    return untrustedFolder(`the socket ${socketPath} is a symbolic link`, hint);
  }
  if (stats.uid === uid && (stats.mode & permissions.any) === 0) return { kind: 'private' };
  const label = `the socket's folder ${folder}`;
  const owners = isExplicit ? [uid, 0, lstat(socketPath)?.uid] : [uid];
  const violation = findAccessViolation(label, stats, owners, isExplicit ? 'write' : 'any');
  if (violation === null) {
    const isSystemSocket = uid === 0 && stats.uid === 0 && socketPath === systemPaths.socket;
    return { kind: isSystemSocket ? 'private' : 'guarded' };
  }
  const hint = violation.kind === 'owner' ? inspectHint(folder) : permissionHint(folder, stats.uid === uid);
  return untrustedFolder(violation.message, hint);
}

const inspectHint = (folder: string): string => `ls -ld ${quotePosixWord(folder)}`;

function linkHint(folder: string): string {
  const quotedPath = quotePosixWord(folder);
  return isOwnFolderName(folder)
    ? `rm ${quotedPath}`
    : `name the socket in the real folder: readlink -f ${quotedPath}`;
}

/** A shared folder, such as `/tmp`, must stay open. */
function permissionHint(folder: string, isOwner: boolean): string {
  if (isOwner && isOwnFolderName(folder)) return `chmod 700 ${quotePosixWord(folder)}`;
  const path = posix.join(folder, 'iam-tokend', 'ipc.sock');
  return `give the socket its own folder, for client and daemon: --socket ${quotePosixWord(path)}`;
}

function isOwnFolderName(folder: string): boolean {
  return posix.basename(folder).startsWith('iam-tokend');
}

function untrustedFolder(message: string, hint: string): SocketFolderCheck {
  return { kind: 'untrusted', message, hint };
}

/** For `checkSocketFolder`. */
export function lstat(path: string): FileStats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

export interface OpenSocketFolder {
  readonly check: SocketFolderCheck;
  /** Leads into the checked folder, whatever becomes of its path, until `close`. */
  readonly address: string;
  readonly close: () => void;
}

/** <fcntl.h>, the same on all architectures that Node runs on. Requires no permission to read the folder. */
const O_PATH = 0o10000000;

export type FolderInput = Omit<SocketFolderInput, 'lstat'>;

/**
 * Checks the folder of a socket so that the result still holds when the caller connects. On Linux, the folder is opened
 * once, and check and connection use its descriptor; elsewhere, an explicit path must lead through no link.
 */
export function openSocketFolder(input: FolderInput, platform: NodeJS.Platform): OpenSocketFolder {
  const { socketPath, uid } = input;
  const folder = posix.dirname(socketPath);
  // No other user can change this path. Opening the folder takes 0.2 ms of the start of `iam-token`.
  const isFixed = folder === `/run/user/${uid}/iam-tokend`;
  const fd = platform === 'linux' && !isFixed ? openFolder(folder) : 'unsupported';
  if (typeof fd !== 'number') return { check: checkPath(input, fd), address: socketPath, close: () => {} };
  const address = `/proc/self/fd/${fd}/${posix.basename(socketPath)}`;
  const check = checkSocketFolder({
    ...input,
    lstat: (path) => (path === socketPath ? lstat(address) : fstatSync(fd)),
  });
  return { check, address, close: () => closeSync(fd) };
}

/** @returns `failed` if there is no such folder, or a link in its place; `unsupported` without /proc */
function openFolder(path: string): number | 'failed' | 'unsupported' {
  try {
    const fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    if (lstat(`/proc/self/fd/${fd}`) !== undefined) return fd;
    closeSync(fd);
    return 'unsupported';
  } catch {
    return 'failed'; // The check by path says why.
  }
}

function checkPath(input: FolderInput, reason: 'failed' | 'unsupported'): SocketFolderCheck {
  const { socketPath, isExplicit, uid } = input;
  const check = checkSocketFolder({ ...input, lstat });
  if (uid === null || check.kind === 'missing' || check.kind === 'untrusted') return check;
  const folder = posix.dirname(socketPath);
  const quotedPath = quotePosixWord(folder);
  if (reason === 'failed')
    return untrustedFolder(`cannot open the socket's folder ${folder}`, `ls -ld ${quotedPath}`);
  const link = isExplicit ? findLink(posix.resolve(folder)) : null;
  if (link === null) return check;
  const message = `the path of the socket leads through a symbolic link: ${link}`;
  return untrustedFolder(message, `name the socket in the real folder: readlink -f ${quotedPath}`);
}

/** The first symbolic link in an absolute path. */
function findLink(path: string): string | null {
  const parent = posix.dirname(path);
  if (parent === path) return null;
  return findLink(parent) ?? (lstat(path)?.isSymbolicLink() === true ? path : null);
}
