import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { quoted } from '../shared/shell-word.ts';
import { type Disk, notWritten, readGuarded, refused, syncFolder, writeNew } from './guarded-file.ts';

/**
 * A key that lies in a file: 32 to 4,096 random bytes, all of which count. By hand it is made with
 * `(umask 077; head -c 32 /dev/urandom > PATH)`.
 */
export type KeyPlace =
  | { readonly kind: 'key-file'; readonly path: string }
  /** `folder` is the `$CREDENTIALS_DIRECTORY` that systemd gave the daemon; `null` where it gave none. */
  | { readonly kind: 'credential'; readonly name: string; readonly folder: string | null };

/** As a sentence calls it. */
export function nameOf(place: KeyPlace): string {
  return place.kind === 'key-file' ? `the key file ${place.path}` : `the systemd credential ${place.name}`;
}

const atLeastBytes = 32;
const atMostBytes = 4_096;

/**
 * @returns `null` when there is none
 * @throws ProblemError `keychain_unavailable`
 */
export async function readKey(place: KeyPlace, disk: Disk): Promise<Buffer | null> {
  const key =
    place.kind === 'key-file'
      ? await readGuarded(keyFile(place.path), atMostBytes, disk)
      : await readCredential(place, disk);
  if (key !== null && key.length < atLeastBytes) {
    throw refused(
      `${nameOf(place)} has ${key.length} bytes, and a key has ${atLeastBytes} random bytes or more`,
      place.kind === 'key-file'
        ? `if no store was made with it, rm ${quoted(place.path)} and iam-tokend makes another`
        : '(umask 077; head -c 32 /dev/urandom > PATH), and name PATH in LoadCredential=',
    );
  }
  return key;
}

/** Makes the key of a new store, and has it on the disk before the store is. */
export async function makeKeyFile(path: string, disk: Disk): Promise<Buffer> {
  const key = randomBytes(atLeastBytes);
  const folder = dirname(path);
  try {
    await writeNew(path, key, disk);
    await syncFolder(folder, disk);
    return key;
  } catch (error) {
    throw notWritten(keyFile(path), folder, error);
  }
}

/** systemd keeps others out of its folder, by rights that do not always show: the owner may be root, with an ACL. */
async function readCredential(
  { name, folder }: KeyPlace & { readonly kind: 'credential' },
  disk: Disk,
): Promise<Buffer | null> {
  // systemd.exec(5): a name is a file's name
  if (folder === null || !/^[\w.-]+$/.test(name) || /^\.+$/.test(name)) return null;
  const file = { path: join(folder, name), name: 'the systemd credential' };
  return readGuarded(file, atMostBytes, { ...disk, uid: null });
}

function keyFile(path: string): { readonly path: string; readonly name: string } {
  return { path, name: 'the key file' };
}
