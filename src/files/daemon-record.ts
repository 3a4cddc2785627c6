/**
 * Who a daemon is: in its lock files, and in `daemon.json` in its configuration folder, by which client and service
 * commands find a daemon whose socket is not at a standard path.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { parseProcStat } from '../platform/proc-stat.ts';
import { type FolderIdentity, identifyFolder } from './folder-identity.ts';

export interface DaemonRecord {
  readonly host: string;
  /** Distinguishes the starts of the machine; `null` except on Linux. proc(5), random/boot_id. */
  readonly bootId: string | null;
  readonly pid: number;
  /** In clock ticks since the boot; `null` except on Linux. proc_pid_stat(5), field 22. */
  readonly startTime: string | null;
  /** The absolute path of the IPC socket. */
  readonly socket: string;
  /** The configuration folder: a copy of it has a copy of this record. Absent in records of earlier releases. */
  readonly folder?: FolderIdentity;
}

/** @param folder the configuration folder */
export function createDaemonRecord(socket: string, folder?: string): DaemonRecord {
  const { pid } = process;
  const record = { host: hostname(), bootId: readBootId(), pid, startTime: readStartTime(pid), socket };
  return folder === undefined ? record : { ...record, folder: identifyFolder(folder) };
}

/** @returns `null` for any other text */
export function parseDaemonRecord(text: string): DaemonRecord | null {
  try {
    const fields = JSON.parse(text) as Partial<Record<string, unknown>>;
    const { host, bootId, pid, startTime, socket } = fields;
    const isRecord =
      typeof host === 'string' &&
      (bootId === null || typeof bootId === 'string') &&
      typeof pid === 'number' &&
      Number.isSafeInteger(pid) &&
      pid > 0 &&
      (startTime === null || typeof startTime === 'string') &&
      typeof socket === 'string';
    const folder = parseFolder(fields['folder']);
    return isRecord ? { host, bootId, pid, startTime, socket, ...(folder && { folder }) } : null;
  } catch {
    return null;
  }
}

function parseFolder(value: unknown): FolderIdentity | null {
  const { path, inode } = (value ?? {}) as Partial<Record<string, unknown>>;
  return typeof path === 'string' && typeof inode === 'string' ? { path, inode } : null;
}

export function formatDaemonRecord(record: DaemonRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Such as `pid 4711 serves /run/user/1000/iam-tokend/ipc.sock`. */
export function formatDaemonPlace({ host, pid, socket }: DaemonRecord): string {
  return `pid ${pid}${host === hostname() ? '' : ` on ${host}`} serves ${socket}`;
}

export const recordFileName = 'daemon.json';

/**
 * Creates or replaces the file; readers find it whole. It is not synced to the disk: it is of no use after a restart of the
 * machine.
 * @throws the system's error
 */
export function writeDaemonRecord(path: string, record: DaemonRecord): void {
  const temporaryPath = `${path}.new`;
  try {
    // A killed process may have left this file.
    rmSync(temporaryPath, { force: true });
    writeFileSync(temporaryPath, formatDaemonRecord(record), { mode: 0o600, flag: 'wx' });
    renameSync(temporaryPath, path);
  } catch (error) {
    removeIfPossible(temporaryPath);
    throw error;
  }
}

/** Removes a file if it is there; it stays if it cannot be removed, such as on a disk that has become read-only. */
export function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Those who call this can do nothing about it.
  }
}

const maxRecordBytes = 4_096;

/** A record, and the user who wrote it. */
export interface OwnedRecord {
  readonly record: DaemonRecord;
  readonly uid: number;
  readonly isThisHost: boolean;
}

/** @returns `null` if there is none, and for a file that others can write to */
export function readDaemonRecord(path: string): OwnedRecord | null {
  try {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const fd = openSync(path, flags);
    try {
      const stats = fstatSync(fd);
      const isGuarded = process.platform === 'win32' || (stats.mode & 0o022) === 0;
      if (!stats.isFile() || !isGuarded) return null;
      const bytes = Buffer.alloc(maxRecordBytes);
      const record = parseDaemonRecord(bytes.toString('utf8', 0, readSync(fd, bytes)));
      return record === null ? null : { record, uid: stats.uid, isThisHost: record.host === hostname() };
    } finally {
      closeSync(fd);
    }
  } catch {
    return null; // Missing or not readable.
  }
}

/**
 * As `readDaemonRecord`, of a configuration folder.
 * @returns `null` also for a record that was copied with another folder
 */
export function readFolderRecord(folder: string): OwnedRecord | null {
  const owned = readDaemonRecord(join(folder, recordFileName));
  const recorded = owned?.record.folder;
  if (recorded === undefined) return owned;
  try {
    const { path, inode } = identifyFolder(folder);
    return recorded.path === path || recorded.inode === inode ? owned : null;
  } catch {
    return null; // The folder was removed in between.
  }
}

/**
 * Whether the daemon of a record runs: the same process since the same boot of this machine, and a process of the user
 * who wrote the record. `null` where that cannot be determined: on another host, and except on Linux.
 */
export function isDaemonRunning({ record, uid, isThisHost }: OwnedRecord): boolean | null {
  if (!isThisHost || record.bootId === null || record.startTime === null) return null;
  if (record.bootId !== readBootId()) return false;
  return readStartTime(record.pid) === record.startTime && readUid(record.pid) === uid;
}

function readBootId(): string | null {
  return readProcFile('sys/kernel/random/boot_id')?.trim() ?? null;
}

function readStartTime(pid: number): string | null {
  const { state, threadCount, startTime } = parseProcStat(readProcFile(`${pid}/stat`) ?? '');
  // While other threads end, the process still holds its files and locks.
  const hasEnded = state === 'Z' && threadCount <= 1;
  return hasEnded || startTime === '' ? null : startTime;
}

/** From the text of `status`: the files of a process that is not dumpable belong to root. */
function readUid(pid: number): number | null {
  const text = readProcFile(`${pid}/status`);
  const [, uid] = /^Uid:\t(\d+)/m.exec(text ?? '') ?? [];
  return uid === undefined ? null : Number(uid);
}

/** `null` if it does not exist, and on other systems than Linux. */
function readProcFile(name: string): string | null {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return null;
  }
}
