import { fileError, moveAwayCommand } from './file-errors.ts';
import { parseDaemonRecord } from './daemon-record.ts';
import { type NamedPath, systemFiles } from './file-system.ts';
import { readGuardedFile } from './read-guarded-file.ts';

/** The name that a lock of version 0.1.0, and on Windows of any version, listens on. */
const lockNamePattern = /^[0-9a-f]{32}$/;

export function isLockName(text: string): boolean {
  return lockNamePattern.test(text);
}

/**
 * The text of a lock file: the record of the daemon that held it last, or the name that it listened on.
 * @returns an empty text if it does not exist
 * @throws IamTokenError for a file that is not a lock file
 */
export async function readLockText(file: NamedPath, uid: number | null): Promise<string> {
  const fsContext = systemFiles(uid);
  const bytes = await readGuardedFile(file, { maxBytes: 4_096, isPrivate: false }, fsContext);
  const text = bytes?.toString() ?? '';
  if (text === '' || isLockName(text) || parseDaemonRecord(text) !== null) return text;
  const { path } = file;
  throw fileError(file, `${path} is not a lock file of iam-tokend`, moveAwayCommand(path), fsContext);
}
