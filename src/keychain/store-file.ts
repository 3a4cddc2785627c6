import { dirname } from 'node:path';
import { systemCodeOf } from '../shared/thrown.ts';
import { notRead, notWritten, type Place, quoted, refused } from './disk-problems.ts';
import { checkFolder, type Disk, readGuarded, syncFolder, writeNew } from './guarded-file.ts';

/** Some thousand credentials. */
const atMostBytes = 4 * 1024 * 1024;

/** The file that the store lies in. Each method throws `ProblemError` with `keychain_unavailable`. */
export interface StoreFile {
  /** Whether anything has its name. */
  exists(): Promise<boolean>;
  /** `null` when there is none. */
  read(): Promise<Buffer | null>;
  /**
   * The old file or the new one, whole, whatever happens meanwhile.
   * @param opens whether what was read back from the disk is what was meant; the old file stays until it is
   */
  replace(bytes: Buffer, opens: (readBack: Buffer) => boolean): Promise<void>;
}

export function openStoreFile(path: string, disk: Disk): StoreFile {
  const { fs } = disk;
  const store: Place = { path, name: 'the file store' };
  const folder: Place = { path: dirname(path), name: "the file store's folder" };
  const draft: Place = { path: `${path}.new`, name: "the file store's draft" };

  async function unlinkDraft(): Promise<void> {
    try {
      await fs.unlink(draft.path);
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    }
  }

  return {
    async exists() {
      try {
        await fs.lstat(path);
        return true;
      } catch (error) {
        if (systemCodeOf(error) === 'ENOENT') return false;
        throw notRead(store, error);
      }
    },

    async read() {
      return (await checkFolder(folder, disk)) ? readGuarded(store, atMostBytes, disk) : null;
    },

    async replace(bytes, opens) {
      try {
        if (!(await checkFolder(folder, disk))) {
          await fs.mkdir(folder.path, { recursive: true, mode: 0o700 });
          await checkFolder(folder, disk);
        }
        await unlinkDraft();
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
        await unlinkDraft().catch(() => undefined);
        throw notWritten(store, folder.path, error);
      }
    },
  };
}
