import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Names that the console and the documentation of Yandex Cloud give a key file. */
const keyFileNames = ['key.json', 'authorized_key.json'];
const maxKeyFileBytes = 65_536;

/**
 * The key files of this user in this folder, and among the downloads. In a folder that others can write to, such as /tmp, a
 * key of another user would lead to their account.
 * @param uid `null` on Windows, where the owner is not checked
 */
export function listKeyFiles(home: string, uid: number | null): readonly string[] {
  const folders = ['', join(home, 'Downloads')];
  return folders
    .flatMap((folder) => keyFileNames.map((name) => join(folder, name)))
    .filter((path) => readKeyFile(path, uid) !== null);
}

/** The id of the key in a file; `null` if it has none. */
export function readKeyId(path: string): string | null {
  try {
    const { id } = JSON.parse(readKeyFile(path) ?? '') as { readonly id?: unknown };
    return typeof id === 'string' ? id : null;
  } catch {
    return null; // Not JSON.
  }
}

function readKeyFile(path: string, uid: number | null = null): string | null {
  try {
    const stats = statSync(path);
    if (!stats.isFile() || stats.size > maxKeyFileBytes) return null;
    if (uid !== null && stats.uid !== uid) return null;
    const text = readFileSync(path, 'utf8');
    return text.includes('PRIVATE KEY') ? text : null;
  } catch {
    return null; // Missing, or not readable.
  }
}
