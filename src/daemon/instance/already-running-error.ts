import { type DaemonRecord, formatDaemonPlace } from '../../files/daemon-record.ts';
import { IamTokenError } from '../../shared/errors.ts';
import { quotePosixWord } from '../../shared/shell-quoting.ts';

/** Another process holds a lock or a socket that this daemon needs. */
export class AlreadyRunningError extends IamTokenError {
  override readonly name = 'AlreadyRunningError';
}

/** @param record `null` if the process that holds the lock at `path` is not known */
export function lockHeldError(
  path: string,
  record: DaemonRecord | null,
  cause?: unknown,
): AlreadyRunningError {
  const holder = record === null ? '' : `: ${formatDaemonPlace(record)}`;
  return new AlreadyRunningError(
    {
      code: 'internal',
      message: `another iam-tokend is running (it holds ${path})${holder}`,
      hint: record === null ? undefined : `iam-token status --socket ${quotePosixWord(record.socket)}`,
    },
    { cause },
  );
}
