import type { Secret } from '../shared/secret.ts';
import type { CredentialStore } from './credential-store.ts';
import { passphraseNotSupported } from './keychain/keychain-problems.ts';
import { IamTokenError } from '../shared/errors.ts';

/** Keeps credentials in memory until the process ends or is locked. */
export function createMemoryStore(): CredentialStore {
  const values = new Map<string, Secret>();
  return {
    kind: 'memory',
    async state() {
      return { kind: 'open' };
    },
    async read(key) {
      return values.get(key) ?? null;
    },
    async write(key, value) {
      values.set(key, value);
    },
    async remove(key) {
      values.delete(key);
    },
    async unlock(passphrase) {
      if (passphrase !== null) throw new IamTokenError(passphraseNotSupported('memory store'));
    },
    lock() {
      values.clear();
    },
    async close() {
      values.clear();
    },
  };
}
