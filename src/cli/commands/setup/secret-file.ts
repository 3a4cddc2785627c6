import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { IamTokenError } from '../../../shared/errors.ts';
import type { Secret } from '../../../shared/secret.ts';
import { quoteShellWord } from '../../../shared/shell-quoting.ts';
import { errorCode } from '../../../shared/error-utils.ts';
import { readSecret } from '../../terminal/prompt.ts';
import { usageError } from '../../cli-errors.ts';
import { printWarning } from '../../terminal/terminal.ts';

/** Read permission for the group or others. */
const othersReadMask = 0o044;

/**
 * Reads a file or a named pipe.
 * @throws IamTokenError `bad_request` if it cannot be read, or is too long
 */
export async function readSecretFile(path: string, platform: NodeJS.Platform): Promise<Secret> {
  if (/^\s*\{/.test(path))
    throw usageError('expected the name of a file (or - for stdin), not the key itself');
  const quotedPath = quoteShellWord(path, platform);
  try {
    const file = await open(path);
    if ((await file.stat()).isDirectory()) throw usageError(`${path} is a folder, not a file`);
    return await readSecret(file.createReadStream());
  } catch (error) {
    if (error instanceof IamTokenError) throw error;
    throw unreadableFileError(path, quotedPath, errorCode(error) ?? error);
  }
}

/** Called once the file is known to hold a credential: another file may have to be readable by all. */
export function warnIfOthersCanRead(path: string, platform: NodeJS.Platform): void {
  // Windows has no such permissions; Node reports made-up ones.
  if (platform === 'win32') return;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() && (stats.mode & othersReadMask) !== 0) {
    printWarning(`other users can read ${path}`, `chmod 600 ${quoteShellWord(path, platform)}`);
  }
}

/** @param code Node's, such as `ENOENT` */
export function unreadableFileError(path: string, quotedPath: string, code: unknown): IamTokenError {
  if (code === 'ENOENT') return usageError(`no such file: ${path}`);
  if (code === 'EACCES') return usageError(`permission denied: ${path}`, `ls -l ${quotedPath}`);
  return usageError(`cannot read ${path}: ${String(code)}`);
}
