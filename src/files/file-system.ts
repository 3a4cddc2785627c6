import * as promises from 'node:fs/promises';
import type { ErrorCode } from '../shared/errors.ts';

/** The functions of `node:fs/promises` in use; tests replace them. */
export type FileOperations = Pick<
  typeof promises,
  'link' | 'lstat' | 'mkdir' | 'open' | 'rename' | 'rm' | 'stat'
>;

export interface FileSystemContext {
  readonly fs: FileOperations;
  /** The required owner of the files. `null` on Windows, where the permissions of the user's folders exclude others. */
  readonly uid: number | null;
}

/** The real file system. */
export function systemFiles(uid: number | null): FileSystemContext {
  return { fs: promises, uid };
}

/** A file or folder and its name in messages, such as `the file store`. */
export interface NamedPath {
  readonly path: string;
  readonly name: string;
  /** The code of errors about it; `internal` by default. */
  readonly errorCode?: ErrorCode;
  /** The setting that chooses another path; the hint if this user cannot create it. */
  readonly alternative?: string;
}
