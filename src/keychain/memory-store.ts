import type { Secret } from '../shared/secret.ts';
import type { CredentialStore } from './credential-store.ts';
import { problemError, takesNoPassphrase } from './keychain-problems.ts';

/** Keeps credentials until the process ends or is locked, and no longer. */
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
      if (passphrase !== null) throw problemError(takesNoPassphrase('memory store'));
    },
    lock() {
      values.clear();
    },
    async close() {
      values.clear();
    },
  };
}
