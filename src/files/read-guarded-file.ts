import { closeSync, constants, openSync, readFileSync, type Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { errorCode } from '../shared/error-utils.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';
import { fileError, moveAwayCommand, readErrorOf } from './file-errors.ts';
import type { FileSystemContext, NamedPath } from './file-system.ts';
import { requirePrivate } from './require-private.ts';

export interface FileGuard {
  readonly maxBytes: number;
  /** Whether the file must belong to this user and be closed to all others. */
  readonly isPrivate: boolean;
}

/**
 * Reads a whole regular file that is not a symbolic link.
 * @returns `null` when it does not exist
 * @throws IamTokenError
 */
export async function readGuardedFile(
  target: NamedPath,
  guard: FileGuard,
  fsContext: FileSystemContext,
): Promise<Buffer | null> {
  // Does not follow a link or wait for a pipe. Windows has no such flags.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  try {
    const handle = await fsContext.fs.open(target.path, flags);
    try {
      checkFile(target, await handle.stat(), guard, fsContext);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    if (errorCode(error) !== 'ELOOP') throw readErrorOf(target, error, fsContext);
    const quotedPath = quotePosixWord(target.path);
    const message = `${target.name} ${target.path} is a symbolic link`;
    throw fileError(target, message, `mv "$(readlink -f ${quotedPath})" ${quotedPath}`, fsContext, error);
  }
}

function checkFile(
  target: NamedPath,
  stats: Stats,
  { maxBytes, isPrivate }: FileGuard,
  fsContext: FileSystemContext,
): void {
  const { path } = target;
  const label = `${target.name} ${path}`;
  if (!stats.isFile()) {
    throw fileError(target, `${label} is not a regular file`, moveAwayCommand(path), fsContext);
  }
  if (isPrivate) requirePrivate(target, stats, '600', fsContext);
  if (stats.size > maxBytes) {
    const message = `${label} is too large (${stats.size} bytes; the limit is ${maxBytes})`;
    throw fileError(target, message, moveAwayCommand(path), fsContext);
  }
}

/** As `readText`, without blocking this thread. */
export function readTextAsync(path: string): Promise<string> {
  return readFile(path, { encoding: 'utf8', flag: constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) });
}

/**
 * A text file. A pipe without a writer is empty, instead of blocking the process.
 * @throws the system's error
 */
export function readText(path: string): string {
  // Windows has no such flag.
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
