import type { Secret } from '../../shared/secret.ts';
import type { IamTokenError } from '../../shared/errors.ts';
import type { SealedFile, UnlockedKey } from './sealed-file.ts';

/** Where the key of a file store comes from. Each method throws `IamTokenError`. */
export interface KeySource {
  /**
   * @param sealedFile `null` when the store does not exist yet
   * @returns the key of the store; `null` when neither exists yet
   */
  find(sealedFile: SealedFile | null): Promise<UnlockedKey | null>;
  /** Creates the key of a new store. */
  create(): Promise<UnlockedKey>;
  /** @param signal aborts when the store is locked again; then the key is dropped */
  unlock(passphrase: Secret, signal: AbortSignal): Promise<void>;
  /** Drops the key from memory. */
  lock(): void;
  /** For a store that the key does not open. */
  wrongKeyError(): IamTokenError;
}
