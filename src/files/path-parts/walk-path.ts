import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { errorCode } from '../../shared/error-utils.ts';

/** As the kernel's limit, path_resolution(7). */
const maxLinks = 40;

export interface PathPart {
  readonly part: string;
  readonly stats: Stats;
}

/**
 * Every folder, link and file that a path leads through, as the kernel resolves it; until one is missing.
 * @param path absolute
 * @throws the system's error; an error for too many symbolic links
 */
export async function* walkPath(path: string): AsyncGenerator<PathPart> {
  const pending = path.split('/');
  let current = '/';
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    const part = posix.join(current, name);
    const stats = await lstatIfPresent(part);
    if (stats === null) return;
    yield { part, stats };
    if (!stats.isSymbolicLink()) {
      current = part;
      continue;
    }
    links += 1;
    if (links > maxLinks) throw new Error(`${part} is one of too many symbolic links`);
    const target = await readlink(part);
    if (posix.isAbsolute(target)) current = '/';
    pending.unshift(...target.split('/'));
  }
}

async function lstatIfPresent(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
    throw error;
  }
}
