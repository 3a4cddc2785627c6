/** Whether another user can put something else in the place of a path, or of a folder or link that it leads through. */
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { type FileAccess, findAccessViolation, stickyBit } from '../access.ts';
import { walkPath } from './walk-path.ts';

export interface ReplaceablePart {
  readonly path: string;
  /** Such as `/srv/shared is writable by other users (mode 0777)`. */
  readonly message: string;
}

/**
 * A part that is missing ends the search: it can appear only in a folder that was checked.
 * @param path absolute
 * @param uid this user; root, and the owner of `/` in a user namespace without root, are trusted like this user
 * @returns the first such part; `null`: no other user can change what the path leads to
 * @throws the system's error
 */
export async function findReplaceablePart(path: string, uid: number): Promise<ReplaceablePart | null> {
  const owners = [uid, 0, (await lstat('/')).uid];
  for await (const { part, stats } of walkPath(path)) {
    const violation = findAccessViolation(part, effectiveAccess(stats), owners, 'write');
    if (violation !== null) return { path: part, message: violation.message };
  }
  return null;
}

/**
 * Whether the path leads through /proc, where a path means something else for each process.
 * @param path absolute
 * @throws the system's error
 */
export async function leadsThroughProc(path: string): Promise<boolean> {
  const proc = await lstat('/proc').catch(() => null);
  if (proc === null) return false;
  const root = await lstat('/');
  for await (const { stats } of walkPath(path))
    if (stats.dev === proc.dev && proc.dev !== root.dev) return true;
  return false;
}

/**
 * The permissions that matter: a link has none, in a sticky folder only the owner of a file can replace it, and a group
 * with the number of its owner's uid has no other members (a "user private group").
 */
function effectiveAccess(stats: Stats): FileAccess {
  const { uid, gid, mode } = stats;
  if (stats.isSymbolicLink() || (stats.isDirectory() && (mode & stickyBit) !== 0)) return { uid, mode: 0 };
  const isOwnGroupOnly = uid === gid && (mode & 0o022) === 0o020;
  return { uid, mode: isOwnGroupOnly ? 0 : mode };
}
