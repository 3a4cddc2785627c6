import { quotePosixWord } from '../shared/shell-quoting.ts';
import { type FileAccess, findAccessViolation } from './access.ts';
import { fileError } from './file-errors.ts';
import type { FileSystemContext, NamedPath } from './file-system.ts';

/** @throws IamTokenError when another user owns the file or folder, or has any access to it */
export function requirePrivate(
  target: NamedPath,
  stats: FileAccess,
  requiredMode: '600' | '700',
  fsContext: FileSystemContext,
): void {
  const { path, name } = target;
  const { uid } = fsContext;
  if (uid === null) return;
  const violation = findAccessViolation(`${name} ${path}`, stats, [uid], 'any');
  if (violation === null) return;
  const quotedPath = quotePosixWord(path);
  const command =
    violation.kind === 'owner' ? `sudo chown ${uid} ${quotedPath}` : `chmod ${requiredMode} ${quotedPath}`;
  throw fileError(target, violation.message, command, fsContext);
}
