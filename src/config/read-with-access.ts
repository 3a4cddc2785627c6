import type { BigIntStats, Stats } from 'node:fs';
import { lstat, readFile, stat } from 'node:fs/promises';
import { permissions, stickyBit } from '../files/access.ts';
import { walkPath } from '../files/path-parts/walk-path.ts';

export interface FileReading {
  readonly text: string;
  /** Changes with each write to the file. */
  readonly identity: string;
  /** Whether only root can write to the file, or put another in its place. */
  readonly isRootOnly: boolean;
}

/**
 * Reads a file that may change, and tells who can change it.
 * @param path absolute
 * @param uid this user; `null` on Windows, where each file counts as writable
 * @param known the last reading: its text is used again if the file is the same
 * @param knownMountinfo proc_pid_mountinfo(5); default: that of now
 * @throws the system's error
 */
export async function readWithAccess(
  path: string,
  uid: number | null,
  known?: FileReading,
  knownMountinfo?: string,
): Promise<FileReading> {
  const mountinfo = knownMountinfo ?? (await readMountinfo());
  const isRootOnly = uid !== null && (await isPathRootOnly(path, uid, findFuseDevices(mountinfo)));
  const stats = await stat(path, { bigint: true });
  if (!stats.isFile()) throw new Error(`${path} is not a regular file`);
  const identity = identityOf(stats);
  const text = identity === known?.identity ? known.text : await readFile(path, 'utf8');
  return { text, identity, isRootOnly };
}

function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

async function readMountinfo(): Promise<string> {
  try {
    return await readFile('/proc/self/mountinfo', 'latin1');
  } catch {
    return ''; // Not on Linux, or /proc is not mounted.
  }
}

/** The devices of FUSE file systems: a program of any user serves them, and names any owner. */
function findFuseDevices(mountinfo: string): ReadonlySet<string> {
  // mount id, parent id, device, root, mount point, options, optional fields, a hyphen, type
  const mounts = mountinfo.matchAll(/^\d+ \d+ (\d+:\d+) .* - fuse/gm);
  return new Set([...mounts].map(([, device = '']) => device));
}

/** `MAJOR:MINOR`, from the bits of makedev(3). */
function deviceOf({ dev }: Stats): string {
  const bits = BigInt(dev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/**
 * Checks every folder and link that the path leads through. /proc and /dev can lead to files without a place. A sticky folder
 * protects the files of root from other users; for a daemon of root, it does not count as root's own place. In a user
 * namespace without root, the files of root belong to the owner of `/`.
 */
async function isPathRootOnly(path: string, uid: number, fuseDevices: ReadonlySet<string>): Promise<boolean> {
  const ownerOfAll = (await lstat('/')).uid;
  const owners = ownerOfAll === uid ? [0] : [0, ownerOfAll];
  for await (const { part, stats } of walkPath(path)) {
    const isOwnerUncertain = /^\/(?:proc|dev)(?:\/|$)/.test(part) || fuseDevices.has(deviceOf(stats));
    if (isOwnerUncertain || !isRootOnly(stats, owners, uid)) return false;
  }
  return true;
}

function isRootOnly(stats: Stats, owners: readonly number[], uid: number): boolean {
  if (!owners.includes(stats.uid)) return false;
  if (stats.isSymbolicLink() || (stats.mode & permissions.write) === 0) return true;
  return stats.isDirectory() && (stats.mode & stickyBit) !== 0 && uid !== 0;
}
