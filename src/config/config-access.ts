import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { findAccessViolation } from '../files/access.ts';
import { findReplaceablePart } from '../files/path-parts/replaceable-part.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';

export interface ConfigAccessWarning {
  readonly message: string;
  /** A command; `null` if none is sure to help, such as for a file of another user. */
  readonly command: string | null;
}

/**
 * Whether other users can change `config.yaml`, which decides where requests go, or read a password in it.
 * @param uid `null` on Windows, where the permissions of the user's folders exclude others
 * @param hasPassword whether the file contains the password of a proxy
 * @returns `null` if they cannot, and without a file
 */
export async function findConfigAccessWarning(
  path: string,
  uid: number | null,
  hasPassword: boolean,
): Promise<ConfigAccessWarning | null> {
  const stats = uid === null ? undefined : statSync(path, { throwIfNoEntry: false });
  if (uid === null || stats?.isFile() !== true) return null;
  const label = hasPassword ? `${path} contains the password of a proxy and` : path;
  const violation = findAccessViolation(label, stats, [uid, 0], hasPassword ? 'any' : 'write');
  if (violation === null) return findReplaceableFolder(path, uid);
  const command = `chmod ${hasPassword ? '600' : 'go-w'} ${quotePosixWord(path)}`;
  return { message: violation.message, command: stats.uid === uid ? command : null };
}

/** `config.yaml` can be a link to a file in a folder that is not checked as the configuration folder is. */
async function findReplaceableFolder(path: string, uid: number): Promise<ConfigAccessWarning | null> {
  const part = await findReplaceablePart(resolve(path), uid);
  return part && { message: `other users can replace ${path}: ${part.message}`, command: null };
}

/** Whether the URL of a proxy has a user or a password. */
export function hasCredentials(proxy: string | null): boolean {
  return proxy?.includes('@') === true;
}
