import { chmodSync, chownSync, constants, existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorCode, errorReason } from '../shared/error-utils.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';
import { findAccessViolation } from './access.ts';
import { fileError, moveAwayCommand, readErrorOf } from './file-errors.ts';
import type { FileSystemContext, NamedPath } from './file-system.ts';
import { findReplaceablePart } from './path-parts/replaceable-part.ts';
import { requirePrivate } from './require-private.ts';

export function folderOf({ path, name, ...rest }: NamedPath): NamedPath {
  return { ...rest, path: dirname(path), name: `${name}'s folder` };
}

/**
 * Creates a folder and its parents; an existing one stays as it is.
 * @param mode of each created folder, whatever the umask
 * @throws IamTokenError
 */
export async function createFolder(
  target: NamedPath,
  fsContext: FileSystemContext,
  mode = 0o700,
): Promise<void> {
  try {
    for (const path of await createMissingFolders(resolve(target.path), mode, fsContext)) {
      await setFolderMode(path, mode, fsContext);
    }
  } catch (error) {
    const message = `cannot create ${target.name} ${target.path}: ${errorReason(error)}`;
    throw fileError(target, message, createHint(target, error), fsContext, error);
  }
}

function createHint({ path, alternative }: NamedPath, error: unknown): string {
  const isDenied = ['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes(errorCode(error) ?? '');
  if (isDenied && alternative !== undefined) return alternative;
  return `ls -ld ${quotePosixWord(firstExisting(dirname(path)))}`;
}

function firstExisting(path: string): string {
  const parent = dirname(path);
  return existsSync(path) || parent === path ? path : firstExisting(parent);
}

/**
 * Not by the option `recursive`: Node then repeats a call for ever that fails with ENOENT although the parent exists, as
 * below /proc (seen with Node 20 to 24).
 * @returns the created folders, from the top
 */
async function createMissingFolders(
  path: string,
  mode: number,
  fsContext: FileSystemContext,
): Promise<readonly string[]> {
  const { fs } = fsContext;
  try {
    await fs.mkdir(path, { mode });
    return [path];
  } catch (error) {
    const parent = dirname(path);
    if (errorCode(error) === 'ENOENT' && parent !== path) {
      const parents = await createMissingFolders(parent, mode, fsContext);
      await fs.mkdir(path, { mode });
      return [...parents, path];
    }
    // Windows reports EPERM for the root of a drive.
    const isFolder = await fs.stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (isFolder) return [];
    throw error;
  }
}

/** By a descriptor, so that no link is followed. Windows cannot open a folder, and has no modes. */
async function setFolderMode(path: string, mode: number, { fs, uid }: FileSystemContext): Promise<void> {
  if (uid === null) return;
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

/**
 * Creates a folder of mode 0750 for a group; an existing one stays as it is.
 * @throws IamTokenError
 */
export async function createGroupFolder(
  target: NamedPath,
  group: number,
  fsContext: FileSystemContext,
): Promise<void> {
  const { path } = target;
  if (existsSync(path)) return;
  await createFolder(target, fsContext);
  chownSync(path, -1, group);
  chmodSync(path, 0o750);
}

/**
 * Checks that no other user can read or replace the files of a folder.
 * @returns whether the folder exists
 * @throws IamTokenError
 */
export async function checkPrivateFolder(target: NamedPath, fsContext: FileSystemContext): Promise<boolean> {
  const { path, name } = target;
  const quotedPath = quotePosixWord(path);
  try {
    const stats = await fsContext.fs.lstat(path);
    if (stats.isSymbolicLink()) {
      const command = `folder="$(readlink -f ${quotedPath})" && rm ${quotedPath} && mv "$folder" ${quotedPath}`;
      throw fileError(target, `${name} ${path} is a symbolic link`, command, fsContext);
    }
    if (!stats.isDirectory()) {
      throw fileError(target, `${name} ${path} is not a folder`, moveAwayCommand(path), fsContext);
    }
    requirePrivate(target, stats, '700', fsContext);
    await requireUnreplaceable(target, fsContext);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw readErrorOf(target, error, fsContext);
  }
}

/** As `checkPrivateFolder`, and creates a missing folder. */
export async function ensurePrivateFolder(target: NamedPath, fsContext: FileSystemContext): Promise<void> {
  if (await checkPrivateFolder(target, fsContext)) return;
  await createFolder(target, fsContext);
  await checkPrivateFolder(target, fsContext);
}

/**
 * Creates a folder if it is missing, and checks that only this user and root can write to it. Others may read it, and it
 * may be a symbolic link.
 * @throws IamTokenError
 */
export async function ensureTrustedFolder(target: NamedPath, fsContext: FileSystemContext): Promise<void> {
  const { path, name } = target;
  const { fs, uid } = fsContext;
  await createFolder(target, fsContext);
  if (uid === null) return;
  const stats = await fs.stat(path).catch((error: unknown) => {
    throw readErrorOf(target, error, fsContext);
  });
  const violation = findAccessViolation(`${name} ${path}`, stats, [uid, 0], 'write');
  if (violation === null) return requireUnreplaceable(target, fsContext);
  const quotedPath = quotePosixWord(path);
  const command =
    violation.kind === 'owner' ? `sudo chown -R ${uid} ${quotedPath}` : `chmod go-w ${quotedPath}`;
  throw fileError(target, violation.message, command, fsContext);
}

/**
 * What was checked stays what is used: no other user can replace a folder or a link that the path leads through.
 * @throws IamTokenError
 */
export async function requireUnreplaceable(target: NamedPath, fsContext: FileSystemContext): Promise<void> {
  if (fsContext.uid === null) return;
  const path = resolve(target.path);
  const part = await findReplaceablePart(path, fsContext.uid);
  if (part === null) return;
  const message = `other users can replace ${target.name} ${path}: ${part.message}`;
  throw fileError(target, message, `ls -ld ${quotePosixWord(part.path)}`, fsContext);
}

/** Makes created and renamed files of a folder durable. Windows cannot open a folder. */
export async function syncFolder(path: string, { fs, uid }: FileSystemContext): Promise<void> {
  if (uid === null) return;
  const handle = await fs.open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a folder (fsync(2)).
    if (errorCode(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}
