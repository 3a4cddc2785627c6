import { createKeyFile, type KeyLocation, readKey } from './key-file.ts';
import { keyKindMismatch, missingKey, passphraseNotConfigured, wrongKey } from './file-store-problems.ts';
import type { KeySource } from './key-source.ts';
import type { SealedFileStorage } from './sealed-file-storage.ts';
import { createKdfParams, keyFromBytes, type UnlockedKey } from './sealed-file.ts';

/** The key from a key file or a systemd credential, read for each use. A missing key file is created with the store. */
export function createStoredKeySource(
  { file, fsContext }: SealedFileStorage,
  location: KeyLocation,
): KeySource {
  const { path } = file;

  return {
    async find(sealedFile) {
      if (sealedFile?.kdfParams.kind === 'passphrase') throw keyKindMismatch(path, 'passphrase');
      const bytes = await readKey(location, fsContext);
      if (bytes !== null) return deriveKey(bytes, sealedFile?.kdfParams);
      if (sealedFile !== null || location.kind !== 'key-file') throw missingKey(path, location);
      return null;
    },

    async create() {
      if (location.kind !== 'key-file') throw missingKey(path, location);
      return deriveKey(await createKeyFile(location.path, fsContext));
    },

    async unlock() {
      throw passphraseNotConfigured();
    },

    lock() {},

    wrongKeyError: () => wrongKey(path, location),
  };
}

function deriveKey(bytes: Buffer, kdfParams = createKdfParams()): UnlockedKey {
  return { kdfParams, key: keyFromBytes(bytes, kdfParams.salt) };
}
