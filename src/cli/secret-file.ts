import { promises as fs } from 'node:fs';
import { IamTokenError } from '../client/iam-token-error.ts';
import type { Secret } from '../shared/secret.ts';
import { shellWord } from '../shared/shell-word.ts';
import { systemCodeOf } from '../shared/thrown.ts';
import { readSecret } from './asking.ts';
import { usageError } from './endings.ts';
import { printWarning } from './terminal.ts';

/** Whoever is not the owner, and may read it. */
const readableByOthers = 0o044;

/**
 * What a file holds; a pipe counts as one. Warns where others can read it too.
 * @throws IamTokenError `bad_request` for what cannot be read, and for what is too long
 */
export async function readSecretFile(path: string, platform: NodeJS.Platform): Promise<Secret> {
  if (/^\s*\{/.test(path)) throw usageError('the key itself stands there; name its file, or - for stdin');
  const word = shellWord(path, platform);
  try {
    const file = await fs.open(path, 'r');
    const stats = await file.stat();
    if (stats.isDirectory()) throw usageError(`${path} is a folder; a file is needed`);
    // Windows has no such rights; Node makes some up.
    if (platform !== 'win32' && stats.isFile() && (stats.mode & readableByOthers) !== 0) {
      printWarning(`others on this machine can read ${path}`, `chmod 600 ${word}`);
    }
    return await readSecret(file.createReadStream());
  } catch (error) {
    if (error instanceof IamTokenError) throw error;
    throw unreadable(path, word, systemCodeOf(error) ?? error);
  }
}

/** @param code as Node has it: `ENOENT` */
export function unreadable(path: string, word: string, code: unknown): IamTokenError {
  if (code === 'ENOENT') return usageError(`there is no file ${path}`);
  if (code === 'EACCES') return usageError(`you may not read ${path}`, `see who may: ls -l ${word}`);
  return usageError(`${path} cannot be read: ${String(code)}`);
}
