import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../shared/error-utils.ts';
import { IamTokenError } from '../shared/errors.ts';
import type { Hint } from '../shared/hint.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';
import { fileError, writeErrorOf } from './file-errors.ts';
import type { FileSystemContext, NamedPath } from './file-system.ts';
import { syncFolder } from './folders.ts';

export interface FileContent {
  readonly bytes: Buffer;
  /** Whatever the umask. The mode of an existing file is not preserved. */
  readonly mode: number;
}

export interface ReplacementContent extends FileContent {
  /** Checks the written data before it replaces the old file; default: whether it equals `bytes`. */
  readonly isIntact?: (readBack: Buffer) => boolean;
  /** Prevents that a change by another program is lost; default: none. A missing file is always created. */
  readonly overwriteGuard?: OverwriteGuard;
}

export interface OverwriteGuard {
  /** Whether the file still has the bytes that this program last read or wrote. */
  readonly isUnchanged: (current: Buffer) => boolean;
  /** How to continue with the changed file. */
  readonly hint: Hint;
}

/**
 * Creates or replaces a file. At any time, and after a crash, readers find the old file or the new one, whole.
 * @throws IamTokenError if the file is the old one
 */
export async function writeFileAtomically(
  target: NamedPath,
  content: ReplacementContent,
  fsContext: FileSystemContext,
): Promise<void> {
  const { path, name } = target;
  const { fs } = fsContext;
  const { isIntact = (readBack) => readBack.equals(content.bytes) } = content;
  const temporaryPath = `${path}.new`;
  try {
    // A killed process may have left this file.
    await fs.rm(temporaryPath, { force: true });
    await createDurableFile(temporaryPath, content, fsContext);
    if (!isIntact(await readWholeFile(temporaryPath, fsContext))) {
      const message = `cannot write ${name} ${path}: the disk returned different data`;
      throw fileError(target, message, `df -h ${quotePosixWord(dirname(path))}`, fsContext);
    }
    await rejectChangedFile(target, content.overwriteGuard, fsContext);
    await fs.rename(temporaryPath, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') {
      const message = `cannot write ${name} ${path}: another process is writing it`;
      throw fileError(target, message, `ls -l ${quotePosixWord(temporaryPath)}`, fsContext, error);
    }
    await fs.rm(temporaryPath, { force: true }).catch(() => undefined);
    throw writeErrorOf(target, error, fsContext);
  }
  // The file is the new one, whatever the disk says now: only a power cut could bring the old one back.
  await syncFolder(dirname(path), fsContext).catch(() => undefined);
}

/**
 * Creates a file that must not exist yet. A failed write leaves no part of it.
 * @throws IamTokenError
 */
export async function createFile(
  target: NamedPath,
  content: FileContent,
  fsContext: FileSystemContext,
): Promise<void> {
  try {
    await createDurableFile(target.path, content, fsContext);
    await syncFolder(dirname(target.path), fsContext);
  } catch (error) {
    throw writeErrorOf(target, error, fsContext);
  }
}

/**
 * Creates a file unless it exists. Of several processes that do this at once, one succeeds, and all find its file whole.
 * @throws IamTokenError
 */
export async function createFileIfMissing(
  target: NamedPath,
  content: FileContent,
  fsContext: FileSystemContext,
): Promise<void> {
  const { path } = target;
  const { fs } = fsContext;
  const temporaryPath = `${path}.${randomBytes(16).toString('hex')}`;
  try {
    await createDurableFile(temporaryPath, content, fsContext);
    await fs.link(temporaryPath, path);
    await syncFolder(dirname(path), fsContext);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw writeErrorOf(target, error, fsContext);
  } finally {
    await fs.rm(temporaryPath, { force: true }).catch(() => undefined);
  }
}

/**
 * Renames a file or folder that is in the way, so that nothing in it is lost.
 * @returns its new path
 * @throws the system's error
 */
export function moveAside(path: string): string {
  const newPath = `${path}.old-${randomBytes(4).toString('hex')}`;
  renameSync(path, newPath);
  return newPath;
}

async function createDurableFile(
  path: string,
  { bytes, mode }: FileContent,
  { fs }: FileSystemContext,
): Promise<void> {
  const handle = await fs.open(path, 'wx', mode);
  try {
    try {
      // The umask may have removed bits.
      await handle.chmod(mode);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // The first error is the one to report.
    await fs.rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Immediately before the file is replaced. */
async function rejectChangedFile(
  target: NamedPath,
  guard: OverwriteGuard | undefined,
  fsContext: FileSystemContext,
): Promise<void> {
  if (guard === undefined) return;
  const { path, name, errorCode: code = 'internal' } = target;
  const current = await readWholeFile(path, fsContext).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (current === null || guard.isUnchanged(current)) return;
  const message = `${name} ${path} was changed by another program and is not overwritten`;
  throw new IamTokenError({ code, message, hint: guard.hint });
}

async function readWholeFile(path: string, { fs }: FileSystemContext): Promise<Buffer> {
  const handle = await fs.open(path, 'r');
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
