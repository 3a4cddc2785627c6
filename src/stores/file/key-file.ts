import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileError } from '../../files/file-errors.ts';
import type { FileSystemContext, NamedPath } from '../../files/file-system.ts';
import { readGuardedFile } from '../../files/read-guarded-file.ts';
import { createFile } from '../../files/write-file.ts';
import { errorCode, errorReason } from '../../shared/error-utils.ts';
import { quotePosixWord } from '../../shared/shell-quoting.ts';

/**
 * A file with a key: 32 to 4,096 random bytes, all of which count. To create one by hand:
 * `(umask 077; head -c 32 /dev/urandom > PATH)`.
 */
export type KeyLocation =
  | { readonly kind: 'key-file'; readonly path: string }
  /** @param folder the daemon's `$CREDENTIALS_DIRECTORY`; `null` when systemd set none */
  | { readonly kind: 'credential'; readonly name: string; readonly folder: string | null };

/** The key, as messages name it. */
export function describeKey(location: KeyLocation): string {
  return location.kind === 'key-file'
    ? `the key file ${location.path}`
    : `the systemd credential ${location.name}`;
}

const minKeyBytes = 32;
const maxKeyBytes = 4_096;

/**
 * @returns `null` when the key does not exist
 * @throws IamTokenError `keychain_unavailable`
 */
export async function readKey(location: KeyLocation, fsContext: FileSystemContext): Promise<Buffer | null> {
  const file = namedKey(location);
  if (file === null) return null;
  // systemd guards its credentials itself: root may own them, and an access control list may open them for this user.
  const guard = { maxBytes: maxKeyBytes, isPrivate: location.kind === 'key-file' };
  const key = await readGuardedFile(file, guard, fsContext);
  if (key === null || key.length >= minKeyBytes) return key;
  const message = `${describeKey(location)} is too short (${key.length} bytes; the minimum is ${minKeyBytes})`;
  throw fileError(file, message, shortKeyHint(location), fsContext);
}

/** Creates the key of a new store. */
export async function createKeyFile(path: string, fsContext: FileSystemContext): Promise<Buffer> {
  const key = randomBytes(minKeyBytes);
  await createFile(namedKeyFile(path), { bytes: key, mode: 0o600 }, fsContext);
  return key;
}

/**
 * Removes the key of a store that was deleted. A file that `createKeyFile` would not have created stays: a program or a
 * person may use it for something else.
 * @returns what stays; `null`: nothing
 */
export async function removeKeyFile(path: string, { fs, uid }: FileSystemContext): Promise<string | null> {
  try {
    const stats = await fs.lstat(path);
    const isOwn = uid === null || (stats.uid === uid && (stats.mode & 0o077) === 0);
    if (!stats.isFile() || !isOwn || stats.size !== minKeyBytes)
      return `kept the key file ${path}: iam-tokend did not create it`;
    await fs.rm(path);
    return null;
  } catch (error) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '');
    return isMissing ? null : `kept the key file ${path}: ${errorReason(error)}`;
  }
}

function namedKey(location: KeyLocation): NamedPath | null {
  if (location.kind === 'key-file') return namedKeyFile(location.path);
  const { name, folder } = location;
  // The name is a file name (systemd.exec(5)).
  if (folder === null || !/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) return null;
  return { path: join(folder, name), name: 'the systemd credential', errorCode: 'keychain_unavailable' };
}

function namedKeyFile(path: string): NamedPath {
  return { path, name: 'the key file', errorCode: 'keychain_unavailable' };
}

function shortKeyHint(location: KeyLocation): string {
  return location.kind === 'key-file'
    ? `if no store uses it, iam-tokend can create another: rm ${quotePosixWord(location.path)}`
    : 'create a key, and name PATH in LoadCredential=: (umask 077; head -c 32 /dev/urandom > PATH)';
}
