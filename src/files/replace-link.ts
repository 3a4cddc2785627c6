import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { errorReason } from '../shared/error-utils.ts';
import { IamTokenError } from '../shared/errors.ts';

/**
 * Makes `path` a symbolic link to `target`, in place of what is there. At any time, the old or the new one is there.
 * @throws IamTokenError `internal`
 */
export function replaceLink(path: string, target: string): void {
  const temporaryPath = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    symlinkSync(target, temporaryPath);
    renameSync(temporaryPath, path);
  } catch (cause) {
    rmSync(temporaryPath, { force: true });
    const message = `cannot create the link ${path}: ${errorReason(cause)}`;
    throw new IamTokenError({ code: 'internal', message }, { cause });
  }
}
