import { dirname } from 'node:path';
import {
  checkFolder,
  type Disk,
  notWritten,
  type Place,
  quoted,
  readGuarded,
  refused,
  syncFolder,
  writeNew,
} from './guarded-file.ts';

/** Some thousand credentials. */
const atMostBytes = 4 * 1024 * 1024;

/**
 * The file that the store lies in; `null` when there is none.
 * @throws ProblemError `keychain_unavailable`
 */
export async function readStoreFile(path: string, disk: Disk): Promise<Buffer | null> {
  if (!(await checkFolder(folderOf(path), disk))) return null;
  return readGuarded({ path, name: 'the file store' }, atMostBytes, disk);
}

/**
 * The old file or the new one, whole, whatever happens meanwhile.
 * @param opens whether what was read back from the disk is what was meant; the old file stays until it is
 * @throws ProblemError `keychain_unavailable`
 */
export async function replaceStoreFile(
  path: string,
  bytes: Buffer,
  opens: (readBack: Buffer) => boolean,
  disk: Disk,
): Promise<void> {
  const { fs } = disk;
  const folder = folderOf(path);
  const draft = { path: `${path}.new`, name: "the file store's draft" };
  try {
    if (!(await checkFolder(folder, disk))) {
      await fs.mkdir(folder.path, { recursive: true, mode: 0o700 });
      await checkFolder(folder, disk);
    }
    await fs.rm(draft.path, { force: true });
    await writeNew(draft.path, bytes, disk);
    const readBack = await readGuarded(draft, atMostBytes, disk);
    if (readBack === null || !opens(readBack)) {
      throw refused(
        `the file store ${path} was not written: the disk gave back something else`,
        `check the disk of ${quoted(folder.path)}; the store is as it was`,
      );
    }
    await fs.rename(draft.path, path);
    await syncFolder(folder.path, disk);
  } catch (error) {
    // A draft that stays is no harm: it is sealed, and the next write begins by removing it.
    await fs.rm(draft.path, { force: true }).catch(() => undefined);
    throw notWritten({ path, name: 'the file store' }, folder.path, error);
  }
}

function folderOf(path: string): Place {
  return { path: dirname(path), name: "the file store's folder" };
}
