import { constants, type Stats } from 'node:fs';
import type * as promises from 'node:fs/promises';
import { dirname } from 'node:path';
import { ProblemError } from '../shared/errors.ts';
import { quoted } from '../shared/shell-word.ts';
import { messageOf, systemCodeOf } from '../shared/thrown.ts';
import { problemError } from './keychain-problems.ts';

/** What of `node:fs/promises` files of ours are read and written with. */
export type FileCalls = Pick<typeof promises, 'lstat' | 'mkdir' | 'open' | 'rename' | 'rm'>;

export interface Disk {
  readonly fs: FileCalls;
  /** Whose the files must be; `null` on Windows, where the rights of a person's folders keep others out. */
  readonly uid: number | null;
}

/** A file or folder by its place, and as a sentence calls it: "the file store". */
export interface Place {
  readonly path: string;
  readonly name: string;
}

/**
 * A whole file, if nobody else can have had a hand in it: no link, ours, closed to all others.
 * @returns `null` when there is none
 * @throws ProblemError `keychain_unavailable`
 */
export async function readGuarded(
  place: Place,
  atMostBytes: number,
  { fs, uid }: Disk,
): Promise<Buffer | null> {
  const { path, name } = place;
  // Neither through a link nor waiting for the other end of a pipe. Windows has no such flags.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  try {
    const file = await fs.open(path, flags);
    try {
      const stats = await file.stat();
      const look = `see what it is: ls -ld ${quoted(path)}`;
      if (!stats.isFile()) throw refused(`${name} ${path} is no file`, look);
      refuseOthers(place, stats, uid, '600');
      if (stats.size > atMostBytes) {
        throw refused(`${name} ${path} is larger than it can be (${stats.size} bytes)`, look);
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null;
    if (systemCodeOf(error) !== 'ELOOP') throw notRead(place, error);
    const remedy = `to put the file itself there: mv "$(readlink -f ${quoted(path)})" ${quoted(path)}`;
    throw refused(`${name} ${path} is a link`, remedy, error);
  }
}

/**
 * Looks at the folder of a file: who can write to it can put a file of their own there.
 * @returns whether it is there
 * @throws ProblemError `keychain_unavailable`
 */
export async function checkFolder(place: Place, { fs, uid }: Disk): Promise<boolean> {
  const { path, name } = place;
  try {
    const stats = await fs.lstat(path);
    if (stats.isSymbolicLink()) {
      const remedy = `set XDG_STATE_HOME to the real place, and rm ${quoted(path)}`;
      throw refused(`${name} ${path} is a link`, remedy);
    }
    if (!stats.isDirectory()) {
      const remedy = `move it away: mv ${quoted(path)} ${quoted(`${path}.old`)}`;
      throw refused(`${name} ${path} is no folder`, remedy);
    }
    refuseOthers(place, stats, uid, '700');
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw notRead(place, error);
  }
}

/**
 * Makes a file that was not there, on the disk when this returns and gone when it throws.
 * @throws Error of the system
 */
export async function writeNew(path: string, bytes: Buffer, { fs }: Disk): Promise<void> {
  const file = await fs.open(path, 'wx', 0o600);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    // Why it was not written is what counts.
    await fs.rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * The old file or the new one, whole, whatever happens meanwhile. Its folder is made, for us alone.
 * @param opens whether what was read back from the disk is what was meant; the old file stays until it is
 * @throws ProblemError `keychain_unavailable`
 */
export async function replaceGuarded(
  place: Place,
  bytes: Buffer,
  atMostBytes: number,
  opens: (readBack: Buffer) => boolean,
  disk: Disk,
): Promise<void> {
  const { fs } = disk;
  const { path, name } = place;
  const folder = folderOf(place);
  const draft = { path: `${path}.new`, name: `${name}'s draft` };
  try {
    if (!(await checkFolder(folder, disk))) {
      await fs.mkdir(folder.path, { recursive: true, mode: 0o700 });
      await checkFolder(folder, disk);
    }
    await fs.rm(draft.path, { force: true });
    await writeNew(draft.path, bytes, disk);
    const readBack = await readGuarded(draft, atMostBytes, disk);
    if (readBack === null || !opens(readBack)) {
      throw refused(
        `${name} ${path} was not written: the disk gave back something else`,
        `check the disk of ${quoted(folder.path)}; the store is as it was`,
      );
    }
    await fs.rename(draft.path, path);
    await syncFolder(folder.path, disk);
  } catch (error) {
    // A draft that stays is no harm: it is sealed, and the next write begins by removing it.
    await fs.rm(draft.path, { force: true }).catch(() => undefined);
    throw notWritten(place, folder.path, error);
  }
}

export function folderOf({ path, name }: Place): Place {
  return { path: dirname(path), name: `${name}'s folder` };
}

/** Makes new and renamed files of a folder last. Windows cannot open one. */
export async function syncFolder(path: string, { fs, uid }: Disk): Promise<void> {
  if (uid === null) return;
  const folder = await fs.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function refuseOthers({ path, name }: Place, stats: Stats, uid: number | null, mode: '600' | '700'): void {
  if (uid === null) return;
  if (stats.uid !== uid) {
    throw refused(
      `${name} ${path} belongs to somebody else (uid ${stats.uid})`,
      `find out who made it; if it is to be yours: sudo chown ${uid} ${quoted(path)}`,
    );
  }
  if ((stats.mode & 0o077) !== 0) {
    const found = (stats.mode & 0o7777).toString(8).padStart(4, '0');
    throw refused(`${name} ${path} is open to others (mode ${found})`, `chmod ${mode} ${quoted(path)}`);
  }
}

export function refused(message: string, hint: string, cause?: unknown): ProblemError {
  return problemError({ code: 'keychain_unavailable', message, hint }, cause);
}

/** What is wrong with a place when the system itself refuses. What is a problem already is passed on. */
function notRead({ path, name }: Place, cause: unknown): ProblemError {
  if (cause instanceof ProblemError) return cause;
  return refused(
    `${name} ${path} cannot be read: ${withoutPlace(cause)}`,
    `see who may read it: ls -ld ${quoted(path)}`,
    cause,
  );
}

export function notWritten({ path, name }: Place, folder: string, cause: unknown): ProblemError {
  if (cause instanceof ProblemError) return cause;
  if (systemCodeOf(cause) === 'ENOSPC' || systemCodeOf(cause) === 'EDQUOT') {
    return refused(`there is no room for ${name} ${path}`, `make some: df -h ${quoted(folder)}`, cause);
  }
  if (systemCodeOf(cause) === 'ENOENT') {
    return refused(`${name} ${path} has no folder to lie in`, `mkdir -p -m 700 ${quoted(folder)}`, cause);
  }
  return refused(
    `${name} ${path} cannot be written: ${withoutPlace(cause)}`,
    `see who may write there: ls -ld ${quoted(folder)}`,
    cause,
  );
}

/** `EACCES: permission denied, open '/path'` without what comes after the comma. */
function withoutPlace(error: unknown): string {
  const message = messageOf(error);
  return message.replace(/, .*/s, '');
}
