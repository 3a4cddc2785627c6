import type { FileSystemContext, NamedPath } from '../../files/file-system.ts';
import { checkPrivateFolder, ensurePrivateFolder, folderOf } from '../../files/folders.ts';
import { readGuardedFile } from '../../files/read-guarded-file.ts';
import { writeFileAtomically } from '../../files/write-file.ts';
import { invalidStoreFile, storeTooLarge } from './file-store-problems.ts';
import {
  type Items,
  parseSealedFile,
  seal,
  type SealedFile,
  type UnlockedKey,
  unseal,
} from './sealed-file.ts';

export interface SealedFileStorage {
  readonly file: NamedPath;
  readonly fsContext: FileSystemContext;
  /** Distinguishes the file that this process last wrote, or read first, from one that another program wrote. */
  knownTag: Buffer | null;
}

/** Accepts the file as it is at the next read, although another program may have written it. */
export function forgetKnownTag(storage: SealedFileStorage): void {
  storage.knownTag = null;
}

/** A few thousand credentials. */
const maxFileBytes = 4 * 1024 * 1024;

/**
 * @returns `null` when the file does not exist
 * @throws IamTokenError `keychain_unavailable`
 */
export async function readSealedFile(storage: SealedFileStorage): Promise<SealedFile | null> {
  const { file, fsContext } = storage;
  if (!(await checkPrivateFolder(folderOf(file), fsContext))) return null;
  const bytes = await readGuardedFile(file, { maxBytes: maxFileBytes, isPrivate: true }, fsContext);
  if (bytes === null) return null;
  const sealedFile = parseSealedFile(bytes);
  if (typeof sealedFile === 'string') throw invalidStoreFile(file.path, sealedFile);
  storage.knownTag ??= sealedFile.tag;
  return sealedFile;
}

/**
 * @throws IamTokenError `keychain_unavailable`, also if another program changed the file; then the old file stays as it is
 */
export async function writeSealedFile(
  storage: SealedFileStorage,
  { kdfParams, key }: UnlockedKey,
  items: Items,
): Promise<void> {
  const { file, fsContext } = storage;
  const bytes = seal(kdfParams, key, items);
  if (bytes.length > maxFileBytes) throw storeTooLarge(file.path, bytes.length, maxFileBytes);
  const isIntact = (readBack: Buffer): boolean => {
    const sealedFile = parseSealedFile(readBack);
    return typeof sealedFile !== 'string' && unseal(sealedFile, key) !== null;
  };
  const overwriteGuard = {
    isUnchanged: (current: Buffer) => tagOf(current)?.equals(storage.knownTag ?? Buffer.of()) === true,
    hint: { text: 'to use it as it is', command: 'unlock' },
  } as const;
  await ensurePrivateFolder(folderOf(file), fsContext);
  await writeFileAtomically(file, { bytes, mode: 0o600, isIntact, overwriteGuard }, fsContext);
  storage.knownTag = tagOf(bytes);
}

function tagOf(bytes: Buffer): Buffer | null {
  const sealedFile = parseSealedFile(bytes);
  return typeof sealedFile === 'string' ? null : sealedFile.tag;
}
