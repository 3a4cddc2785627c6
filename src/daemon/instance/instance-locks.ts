/** One daemon for each configuration folder, each socket and each file store. */
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type DaemonRecord,
  formatDaemonRecord,
  isDaemonRunning,
  readDaemonRecord,
  readFolderRecord,
  recordFileName,
  removeIfPossible,
} from '../../files/daemon-record.ts';
import { fileError } from '../../files/file-errors.ts';
import { systemFiles } from '../../files/file-system.ts';
import { type FileLocking, isFileAt, lockFile, lockFolder, writeLockedFile } from '../../files/lock-file.ts';
import { quotePosixWord } from '../../shared/shell-quoting.ts';
import { lockHeldError } from './already-running-error.ts';
import { isLockName, readLockText } from '../../files/lock-text.ts';
import { acquirePipeLock, isAbstractLockHeld } from './named-lock.ts';

export interface InstanceLocksOptions {
  readonly platform: NodeJS.Platform;
  /** The owner of the lock files; `null` on Windows. */
  readonly uid: number | null;
  readonly locking: FileLocking;
  /** This daemon: it is written into each lock file. */
  readonly record: DaemonRecord;
}

/** The locks of this process. The kernel releases them when it ends, so none is ever stale. */
export class InstanceLocks {
  readonly #options: InstanceLocksOptions;
  /** By path; `null`: on a read-only or full disk, or a pipe. */
  readonly #descriptors = new Map<string, number | null>();

  constructor(options: InstanceLocksOptions) {
    this.#options = options;
  }

  /** This daemon. */
  get record(): DaemonRecord {
    return this.#options.record;
  }

  /**
   * Acquires the lock of the file `lock` in a folder and, if only this user can open it, of the folder itself, so that the
   * lock holds although the file is removed or cannot be created. Does nothing if this process holds it.
   * @throws AlreadyRunningError; IamTokenError
   */
  async acquireFolder(folder: string): Promise<void> {
    const path = join(folder, 'lock');
    if (this.#descriptors.has(path)) return;
    const { platform, locking } = this.#options;
    if (platform === 'win32') return this.acquire(path);
    const attempt = await lockFolder(folder, locking);
    if (attempt === 'held') throw lockHeldError(path, readHolder(path, join(folder, recordFileName)));
    try {
      rejectRecordedDaemon(folder);
      await this.#acquireFile(path, true);
    } catch (error) {
      if (attempt !== 'readable') closeSync(attempt.fd);
      throw error;
    }
  }

  /**
   * Acquires the lock of one file. Does nothing if this process holds it.
   * @throws AlreadyRunningError when another process holds it; IamTokenError
   */
  async acquire(path: string): Promise<void> {
    if (this.#descriptors.has(path)) return;
    if (this.#options.platform !== 'win32') return this.#acquireFile(path, false);
    await acquirePipeLock({ path, name: 'the lock file' });
    this.#descriptors.set(path, null);
  }

  async #acquireFile(path: string, mayBeMissing: boolean): Promise<void> {
    const { uid, locking, record } = this.#options;
    const file = { path, name: 'the lock file' };
    const fsContext = systemFiles(uid);
    const text = await readLockText(file, uid);
    const attempt = await lockFile(file, locking, fsContext);
    if (attempt === 'held') throw lockHeldError(path, readHolder(path));
    if (attempt === 'unwritable') {
      if (mayBeMissing) return void this.#descriptors.set(path, null);
      const message = `cannot write the lock file ${path}: the disk is full or read-only`;
      throw fileError(file, message, `df -h ${quotePosixWord(dirname(path))}`, fsContext);
    }
    if (isLockName(text) && (await isAbstractLockHeld(text))) {
      closeSync(attempt.fd);
      throw lockHeldError(path, null);
    }
    writeLockedFile(file, attempt.fd, formatDaemonRecord(record), fsContext);
    this.#descriptors.set(path, attempt.fd);
  }

  /**
   * Creates and locks the files again that were removed.
   * @returns an error for each that cannot be locked
   */
  async renew(): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    for (const [path, fd] of this.#descriptors) {
      if (fd === null || isFileAt(path, fd)) continue;
      try {
        await this.#acquireFile(path, false);
        closeSync(fd);
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }

  /**
   * Removes the lock files before this process ends, because release 0.1.0 starts only without those of later releases. A file
   * that cannot be removed stays, for the next daemon.
   */
  removeFiles(): void {
    for (const [path, fd] of this.#descriptors) {
      if (fd !== null && isFileAt(path, fd)) removeIfPossible(path);
    }
  }
}

/**
 * Finds another daemon of a configuration folder although its lock file was removed, on a file system without locks, and
 * before the rights of the folder are checked: a system-wide daemon has its own user.
 * @throws AlreadyRunningError
 */
export function rejectRecordedDaemon(folder: string): void {
  const owned = readFolderRecord(folder);
  if (owned === null || owned.record.pid === process.pid) return;
  if (isDaemonRunning(owned) === true) throw lockHeldError(join(folder, 'lock'), owned.record);
}

function readHolder(lockPath: string, recordPath?: string): DaemonRecord | null {
  const owned =
    readDaemonRecord(lockPath) ?? (recordPath === undefined ? null : readDaemonRecord(recordPath));
  return owned?.record ?? null;
}
