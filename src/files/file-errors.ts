import { constants } from 'node:os';
import { dirname } from 'node:path';
import { errorCode, errorReason } from '../shared/error-utils.ts';
import { IamTokenError } from '../shared/errors.ts';
import { quotePosixWord } from '../shared/shell-quoting.ts';
import type { FileSystemContext, NamedPath } from './file-system.ts';

/** @param command for a POSIX shell; omitted on Windows */
export function fileError(
  { errorCode: code = 'internal' }: NamedPath,
  message: string,
  command: string,
  { uid }: Pick<FileSystemContext, 'uid'>,
  cause?: unknown,
): IamTokenError {
  return new IamTokenError({ code, message, hint: uid === null ? undefined : command }, { cause });
}

/** An `IamTokenError` is returned as it is. */
export function readErrorOf(target: NamedPath, cause: unknown, fsContext: FileSystemContext): IamTokenError {
  if (cause instanceof IamTokenError) return cause;
  const { path, name } = target;
  const message = `cannot read ${name} ${path}: ${errorReason(cause)}`;
  return fileError(target, message, `ls -ld ${quotePosixWord(path)}`, fsContext, cause);
}

/** An `IamTokenError` is returned as it is. */
export function writeErrorOf(target: NamedPath, cause: unknown, fsContext: FileSystemContext): IamTokenError {
  if (cause instanceof IamTokenError) return cause;
  const [reason, command] = writeFailureOf(target.path, cause);
  return fileError(
    target,
    `cannot write ${target.name} ${target.path}: ${reason}`,
    command,
    fsContext,
    cause,
  );
}

function writeFailureOf(path: string, cause: unknown): readonly [reason: string, command: string] {
  const folder = quotePosixWord(dirname(path));
  if (isDiskFull(cause)) return ['no space left', `df -h ${folder}`];
  const code = errorCode(cause);
  if (code === 'ENOENT') return ['its folder does not exist', `mkdir -p -m 700 ${folder}`];
  if (code === 'EEXIST') return ['it already exists', moveAwayCommand(path)];
  return [errorReason(cause), `ls -ld ${folder}`];
}

/** libuv has no name for EDQUOT: Node reports "Unknown system error -122". */
export function isDiskFull(error: unknown): boolean {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  return errno === -constants.errno.ENOSPC || errno === -constants.errno.EDQUOT;
}

export function moveAwayCommand(path: string): string {
  return `mv ${quotePosixWord(path)} ${quotePosixWord(`${path}.old`)}`;
}
