import { ProblemError } from '../shared/errors.ts';
import { messageOf, systemCodeOf } from '../shared/thrown.ts';
import { problemError } from './keychain-problems.ts';

/** A file or folder by its place, and as a sentence calls it: "the file store". */
export interface Place {
  readonly path: string;
  readonly name: string;
}

export function refused(message: string, hint: string, cause?: unknown): ProblemError {
  return problemError({ code: 'keychain_unavailable', message, hint }, cause);
}

/** What is wrong with a place when the system itself refuses. What is a problem already is passed on. */
export function notRead({ path, name }: Place, cause: unknown): ProblemError {
  if (cause instanceof ProblemError) return cause;
  return refused(
    `${name} ${path} cannot be read: ${reasonOf(cause)}`,
    `see who may read it: ls -ld ${quoted(path)}`,
    cause,
  );
}

export function notWritten({ path, name }: Place, folder: string, cause: unknown): ProblemError {
  if (cause instanceof ProblemError) return cause;
  if (systemCodeOf(cause) === 'ENOSPC' || systemCodeOf(cause) === 'EDQUOT') {
    return refused(`there is no room for ${name} ${path}`, `make some: df -h ${quoted(folder)}`, cause);
  }
  if (systemCodeOf(cause) === 'ENOENT') {
    return refused(`${name} ${path} has no folder to lie in`, `mkdir -p -m 700 ${quoted(folder)}`, cause);
  }
  return refused(
    `${name} ${path} cannot be written: ${reasonOf(cause)}`,
    `see who may write there: ls -ld ${quoted(folder)}`,
    cause,
  );
}

/** As a POSIX shell takes it. */
export function quoted(path: string): string {
  return `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

/** `EACCES: permission denied, open '/path'` without what comes after the comma. */
function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return message.replace(/, .*/s, '');
}
