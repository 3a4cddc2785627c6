import { lstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCode, errorReason } from '../../shared/error-utils.ts';
import { isDaemonRunning, readDaemonRecord, recordFileName } from '../daemon-record.ts';
import { readLockText } from '../lock-text.ts';
import { isSocket, isStaleSocket } from './probe-socket.ts';

/**
 * The paths of the sockets that daemons of these folders have used last, from the records that they leave. A program that
 * acquires the locks of the folders replaces these records.
 */
export function findRecordedSockets(
  { config, state }: { readonly config: string; readonly state: string },
  uid: number | null,
): readonly string[] {
  const records = [join(config, 'lock'), join(config, recordFileName), join(state, 'store.lock')]
    .map(readDaemonRecord)
    .filter((owned) => owned !== null && (uid === null || owned.uid === uid));
  return [...new Set(records.flatMap((owned) => (owned === null ? [] : [owned.record.socket])))];
}

/**
 * Removes what a daemon has left of its sockets: `ipc.sock`, its lock file, the sockets beside it, and folders that are
 * empty then. What a running program uses stays, and so do the files of other programs.
 * @param uid the owner of the folder; `null` on Windows, where a pipe leaves nothing
 * @returns what could not be removed and why
 */
export async function removeAbandonedSocket(
  socketPath: string,
  uid: number | null,
): Promise<readonly string[]> {
  const folder = dirname(socketPath);
  if (uid === null || !isOwnFolder(folder, uid)) return [];
  const lockPath = `${socketPath}.lock`;
  const holder = readDaemonRecord(lockPath);
  if (holder !== null && isDaemonRunning(holder) === true) return [];
  const httpFolder = join(folder, 'http');
  const sockets = [socketPath, join(folder, 'credential.sock'), join(httpFolder, 'http.sock')];
  const problems: string[] = [];
  for (const path of sockets) if (await isStaleSocket(path)) removeFile(path, problems);
  // On other systems than Linux a record does not tell whether its daemon runs.
  if (!isSocket(socketPath) && (await isLockFile(lockPath, uid))) removeFile(lockPath, problems);
  for (const path of [httpFolder, folder]) removeEmptyFolder(path);
  return problems;
}

/** A daemon uses no folder that all users can open, so one is not a daemon's: `/tmp` and `/run` for root. */
function isOwnFolder(path: string, uid: number): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isDirectory() && stats.uid === uid && (stats.mode & 0o007) === 0;
  } catch {
    return false; // Missing, or not reachable.
  }
}

async function isLockFile(path: string, uid: number): Promise<boolean> {
  try {
    const isFile = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
    await readLockText({ path, name: 'the lock file' }, uid);
    return isFile;
  } catch {
    return false; // A file of another program.
  }
}

function removeFile(path: string, problems: string[]): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') problems.push(`${path} (${errorReason(error)})`);
  }
}

function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not empty, or not in a folder of this user, as the runtime folder of a session.
  }
}
