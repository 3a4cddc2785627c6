/**
 * Locks by flock(2): the kernel holds them until the process ends, in whichever namespace, and an NFS server across hosts.
 * On a file system without locks they have no effect.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  statSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { errorCode } from '../shared/error-utils.ts';
import { isDiskFull, writeErrorOf } from './file-errors.ts';
import type { FileSystemContext, NamedPath } from './file-system.ts';

/** How the system locks an open file. */
export interface FileLocking {
  /** A flag of open(2) that locks the file in the same step; then opening fails with EAGAIN if it is locked. */
  readonly openFlag: number;
  /** Locks for as long as this process has the descriptor open. */
  readonly tryLock: (fd: number) => Promise<'locked' | 'held' | 'unsupported'>;
}

/** `held`: another process holds the lock. `unwritable`: the file cannot be created on a full or read-only disk. */
export type LockAttempt = { readonly fd: number } | 'held' | 'unwritable';

/**
 * Creates and locks a file.
 * @throws IamTokenError
 */
export async function lockFile(
  target: NamedPath,
  locking: FileLocking,
  fsContext: FileSystemContext,
): Promise<LockAttempt> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    for (;;) {
      const attempt = await openAndLock(target.path, flags, locking);
      // A removed file could be locked by each of several processes.
      if (attempt === 'held') return attempt;
      // Unlike `isFileAt`, this throws what would repeat for ever.
      if (isSameFile(identifyFile(target.path), fstatSync(attempt.fd))) return attempt;
      closeSync(attempt.fd);
    }
  } catch (error) {
    if (errorCode(error) === 'EROFS' || isDiskFull(error)) return 'unwritable';
    throw writeErrorOf(target, error, fsContext);
  }
}

/**
 * Locks an existing folder itself. Its lock cannot be removed without the folder, but NFS keeps it on this host.
 * @returns `readable`: other users can open the folder, and could hold its lock
 */
export async function lockFolder(
  path: string,
  locking: FileLocking,
): Promise<{ readonly fd: number } | 'held' | 'readable'> {
  if ((statSync(path).mode & readPermissions) !== 0) return 'readable';
  return openAndLock(path, constants.O_RDONLY | constants.O_DIRECTORY, locking);
}

/** Of group and others. */
const readPermissions = 0o044;

async function openAndLock(
  path: string,
  flags: number,
  { openFlag, tryLock }: FileLocking,
): Promise<{ readonly fd: number } | 'held'> {
  let fd: number;
  try {
    fd = openSync(path, flags | openFlag, 0o600);
  } catch (error) {
    if (openFlag !== 0 && errorCode(error) === 'EAGAIN') return 'held';
    throw error;
  }
  if ((await tryLock(fd)) !== 'held') return { fd };
  closeSync(fd);
  return 'held';
}

/** Whether `path` is the open file `fd`; not if a server has lost that file, as NFS once another host removed it (ESTALE). */
export function isFileAt(path: string, fd: number): boolean {
  try {
    return isSameFile(identifyFile(path), fstatSync(fd));
  } catch {
    return false;
  }
}

/** `undefined` if it does not exist or cannot be reached, and for a pipe of Windows. */
export function identifyFile(path: string): FileIdentity | undefined {
  try {
    return process.platform === 'win32' ? undefined : lstatSync(path);
  } catch {
    return undefined; // Missing, or part of the path is not a folder.
  }
}

/** Two missing files are not the same. */
export function isSameFile(file: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return file !== undefined && file.ino === other?.ino && file.dev === other.dev;
}

export type FileIdentity = Pick<Stats, 'dev' | 'ino'>;

/**
 * Replaces the text of a file that this process has locked; a full disk leaves it empty.
 * @throws IamTokenError
 */
export function writeLockedFile(
  target: NamedPath,
  fd: number,
  text: string,
  fsContext: FileSystemContext,
): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, text, 0);
  } catch (error) {
    // The error of a descriptor does not name the file.
    if (!isDiskFull(error)) throw writeErrorOf(target, error, fsContext);
  }
}
