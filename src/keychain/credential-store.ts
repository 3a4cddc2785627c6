import { type Problem, ProblemError } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';

/** Who wants it: unasked, nothing may open a window; asked by a person, a prompt may, for 120 s. */
export type Manner = 'unasked' | 'asked';

export type StoreState =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'closed';
      readonly problem: Problem;
      /** `unlock` opens it with its passphrase, or with a `new` one makes it; absent: with neither. */
      readonly passphrase?: 'needed' | 'new';
    };

/**
 * Where credentials lie while nobody uses them. Keys and values are opaque here; a key is at most 200 characters of
 * `[A-Za-z0-9.-]`, and the store may not tell upper case from lower. A value is text of at least one character,
 * without a zero character or half a surrogate pair, as JSON always is.
 *
 * Each method throws `ProblemError` with `keychain_locked`, `keychain_unavailable` or `locked` when the store
 * does not open in that manner, and ends within 10 s (`unasked`) or 120 s (`asked`).
 */
export interface CredentialStore {
  readonly kind: 'keychain' | 'file' | 'memory';
  /** Whether the store would open unasked; never opens a window itself. */
  state(): Promise<StoreState>;
  /** `null`: the store is open and holds no such item, or only what a write that never ended has left of it. */
  read(key: string, manner: Manner): Promise<Secret | null>;
  /** In place of what was there. A write that failed may have removed the old value all the same. */
  write(key: string, value: Secret, manner: Manner): Promise<void>;
  /** Removing what is not there is no failure. */
  remove(key: string, manner: Manner): Promise<void>;
  /**
   * Opens the store for a person who asked, within 120 s: by a prompt of its own, or by the passphrase, which makes the
   * store where there is none. Opening an open store is no failure.
   * @param passphrase `null`: none was given
   * @throws ProblemError also `bad_request` for a passphrase, when the store takes none
   */
  unlock(passphrase: Secret | null): Promise<void>;
  /** Forgets at once all that it keeps in memory; a call that still runs, an `unlock` too, may fail with `locked`. */
  lock(): void;
  /** Ends what the store runs, and calls under way with it; never throws. A closed store is of no further use. */
  close(): Promise<void>;
}

/** What `look` finds; closed where it throws a problem. */
export async function stateOf(look: () => Promise<StoreState>): Promise<StoreState> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof ProblemError) return { kind: 'closed', problem: error.problem };
    throw error;
  }
}
