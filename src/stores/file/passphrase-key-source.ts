import { isDeepStrictEqual } from 'node:util';
import { Secret } from '../../shared/secret.ts';
import {
  invalidStoreFile,
  keyKindMismatch,
  storeLocked,
  storeNotCreated,
  wrongPassphrase,
} from './file-store-problems.ts';
import type { KeySource } from './key-source.ts';
import { readSealedFile, type SealedFileStorage, writeSealedFile } from './sealed-file-storage.ts';
import { createKdfParams, keyFromPassphrase, type UnlockedKey, unseal } from './sealed-file.ts';

/**
 * The key from a passphrase, in memory from `unlock` to `lock`. The first `unlock` creates the store.
 * @param log2N for a new store
 */
export function createPassphraseKeySource(storage: SealedFileStorage, log2N: number): KeySource {
  const { path } = storage.file;
  let unlockedKey: UnlockedKey | null = null;

  return {
    async find(sealedFile) {
      if (sealedFile?.kdfParams.kind === 'key') throw keyKindMismatch(path, 'key');
      if (unlockedKey === null) {
        throw sealedFile === null ? storeNotCreated(path) : storeLocked('the file store is locked');
      }
      if (sealedFile === null || isDeepStrictEqual(sealedFile.kdfParams, unlockedKey.kdfParams)) {
        return unlockedKey;
      }
      throw storeLocked(`the file store ${path} was replaced after it was unlocked`);
    },

    async create() {
      throw storeNotCreated(path);
    },

    async unlock(passphrase, signal) {
      if (passphrase.equals(new Secret(''))) throw storeLocked('the passphrase is empty');
      const sealedFile = await readSealedFile(storage);
      const kdfParams = sealedFile?.kdfParams ?? createKdfParams(log2N);
      if (kdfParams.kind !== 'passphrase') throw keyKindMismatch(path, kdfParams.kind);
      const newKey = { kdfParams, key: await keyFromPassphrase(passphrase, kdfParams) };
      if (sealedFile === null) await writeSealedFile(storage, newKey, new Map());
      else if (unseal(sealedFile, newKey.key) === null) throw wrongPassphrase(path);
      if (signal.aborted) throw storeLocked('the file store was locked again during the unlock');
      unlockedKey = newKey;
    },

    lock() {
      unlockedKey = null;
    },

    // The passphrase opened this store before, so the file has changed.
    wrongKeyError: () => invalidStoreFile(path, 'damaged'),
  };
}
