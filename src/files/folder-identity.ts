import { realpathSync, statSync } from 'node:fs';

/** Tells a folder from a copy of it. */
export interface FolderIdentity {
  /** Without symbolic links. */
  readonly path: string;
  readonly inode: string;
}

/** @throws the system's error */
export function identifyFolder(folder: string): FolderIdentity {
  const path = realpathSync(folder);
  return { path, inode: String(statSync(path, { bigint: true }).ino) };
}
