/**
 * Which folder a profile list was written in. Keychain items are named by the `instance` of the list, so a copy of the
 * folder, such as `cp -r` or a cloned home, names the items of the original.
 */
import { stat } from 'node:fs/promises';
import * as v from 'valibot';
import type { FolderIdentity } from '../../files/folder-identity.ts';

export const folderIdentitySchema = v.object({
  path: v.string(),
  inode: v.pipe(v.string(), v.regex(/^\d{1,20}$/)),
});

export function isSameIdentity(a: FolderIdentity, b: FolderIdentity): boolean {
  return a.path === b.path && a.inode === b.inode;
}

/**
 * Whether a list was written in another folder, which may still exist. A folder stays itself if it was replaced where it
 * is, such as from a backup, or renamed; a mount can give it another path too. A folder that was moved to another file
 * system looks like a copy whose original is out of sight, and counts as one: nothing of the original is ever removed.
 * @param hasInstance whether the list in a folder has the same `instance`
 */
export async function isCopiedFrom(
  recorded: FolderIdentity,
  current: FolderIdentity,
  hasInstance: (folder: string) => Promise<boolean>,
): Promise<boolean> {
  if (recorded.path === current.path) return false;
  if (await isSameFolder(recorded.path, current.path)) return false;
  return recorded.inode !== current.inode || (await hasInstance(recorded.path));
}

async function isSameFolder(path: string, other: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([path, other].map((each) => stat(each, { bigint: true })));
    return a?.ino === b?.ino && a?.dev === b?.dev;
  } catch {
    return false; // It is missing or cannot be reached.
  }
}
