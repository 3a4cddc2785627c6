import { IamTokenError, type Problem, problemOf } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';

/** `interactive`: a user asked for it, so a prompt may open, for 120 s. `background`: no prompt may open. */
export type Interaction = 'background' | 'interactive';

export type StoreState =
  | {
      readonly kind: 'open';
      /** The store may ask the user before each change: a `background` write or removal fails with this problem. */
      readonly confirmation?: Problem;
    }
  | {
      readonly kind: 'closed';
      readonly problem: Problem;
      /** `unlock` requires its passphrase, or creates it with a `new` one; absent if it takes none. */
      readonly passphrase?: 'needed' | 'new';
    };

/**
 * Credentials at rest. Keys and values are opaque. A key has 1 to 200 characters of `[A-Za-z0-9.-]`; keys that differ
 * only in case may be the same key. A value is a non-empty text without NUL characters and lone surrogates, such as JSON.
 *
 * Each method throws `IamTokenError` with `keychain_locked`, `keychain_unavailable` or `locked` when the store does not
 * open. Each settles within 10 s (`background`) or 120 s (`interactive`); the time that the store takes for calls that came
 * before does not count, as long as it answers them.
 */
export interface CredentialStore {
  readonly kind: 'keychain' | 'file' | 'memory';
  /**
   * Whether the store would open for a `background` call. Never opens a prompt.
   * @param keys of the items that matter; a keychain may have several collections
   */
  state(keys?: readonly string[]): Promise<StoreState>;
  /** `null` when the open store has no such item, or only a part of it from an interrupted write. */
  read(key: string, interaction: Interaction): Promise<Secret | null>;
  /**
   * Items as `read` returns them, without those that do not exist. Only of a store that reads many items as fast as one,
   * also those of concurrent calls.
   */
  readonly readTogether?:
    ((keys: readonly string[], interaction: Interaction) => Promise<ReadonlyMap<string, Secret>>) | undefined;
  /** Creates or replaces an item. A failed write may have removed the old value. */
  write(key: string, value: Secret, interaction: Interaction): Promise<void>;
  /** Does nothing when there is no such item. */
  remove(key: string, interaction: Interaction): Promise<void>;
  /**
   * Opens the store within 120 s, with its own prompt or with the passphrase, which also creates a missing store. Does
   * nothing when the store is open.
   * @param passphrase `null` for a store without one
   * @param keys of the items that matter, as for `state`
   * @param accessKeys of items that will be read, which may be absent. A keychain that asks for each item asks for all of
   *   these at once, and an `interactive` read that follows does not ask again. An item that the user refuses stays locked.
   * @throws IamTokenError also `bad_request` when the store takes no passphrase
   */
  unlock(passphrase: Secret | null, keys?: readonly string[], accessKeys?: readonly string[]): Promise<void>;
  /** Drops all secrets from memory at once. Running calls, including `unlock`, may fail with `locked`. */
  lock(): void;
  /** Stops the store's processes and running calls. Never throws. The store cannot be used afterwards. */
  close(): Promise<void>;
}

/** The result of `probe`, or `closed` with the problem that it throws. */
export async function probeStoreState(probe: () => Promise<StoreState>): Promise<StoreState> {
  try {
    return await probe();
  } catch (error) {
    if (error instanceof IamTokenError) return { kind: 'closed', problem: problemOf(error) };
    throw error;
  }
}
