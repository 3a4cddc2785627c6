import type { CredentialStore } from '../stores/credential-store.ts';
import type { LockResult, UnlockResult } from '../protocol/method-types.ts';
import { type Problem, IamTokenError, problemOf } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';
import type { ProfileRegistry } from './profiles/profile-registry.ts';

export const daemonLocked: Problem = {
  code: 'locked',
  message: 'the daemon is locked',
  hint: { command: 'unlock' },
};

type LockableStore = Pick<CredentialStore, 'state' | 'lock' | 'unlock'>;

/** While it is locked, from `lock` to `unlock` and across restarts, the daemon uses no credential. */
export class DaemonLock {
  readonly #registry: ProfileRegistry;
  readonly #store: LockableStore;
  #isLocked: boolean;
  #problem: Problem | null = null;
  #lockController = new AbortController();
  /** Resolves when the last lock is in `profiles.json`, or cannot be. */
  #lastLockWrite: Promise<void> = Promise.resolve();

  constructor(registry: ProfileRegistry, store: LockableStore) {
    this.#registry = registry;
    this.#store = store;
    this.#isLocked = registry.current.locked === true;
  }

  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** Aborts at the next `lock`: a secret that was read before must not be used after. */
  get signal(): AbortSignal {
    return this.#lockController.signal;
  }

  /** @throws IamTokenError `locked` */
  assertUnlocked(): void {
    if (this.#isLocked) throw new IamTokenError(daemonLocked);
  }

  /** Why the lock does not survive a restart; `null` if it does, or if the daemon is not locked. */
  get problem(): Problem | null {
    return this.#problem;
  }

  /** Locks at once and drops what the store has in memory. Resolves when `problem` tells whether the lock survives a restart. */
  async lock(): Promise<LockResult['outcome']> {
    const wasLocked = this.#isLocked;
    this.#isLocked = true;
    this.#lockController.abort();
    this.#lockController = new AbortController();
    this.#store.lock();
    this.#lastLockWrite = this.#writeLock();
    await this.#lastLockWrite;
    return wasLocked ? 'was_locked' : 'locked';
  }

  /**
   * Opens the store, then unlocks the daemon. After an error the daemon is as it was.
   * @throws IamTokenError the problems of the store; `locked` if a `lock` came in between
   */
  async unlock(passphrase: Secret | null): Promise<UnlockResult['outcome']> {
    const { signal } = this;
    const wasLocked = this.#isLocked;
    const storeState = await this.#store.state();
    await this.#store.unlock(passphrase);
    // Otherwise a lock that began before is written after the unlock.
    await this.#lastLockWrite;
    throwIfLockedSince(signal);
    if (this.#registry.current.locked === true) {
      await this.#registry
        .update(({ locked: _locked, ...unlockedRegistry }) => unlockedRegistry)
        .catch((error: unknown) => {
          this.#store.lock();
          throw error;
        });
      throwIfLockedSince(signal);
    }
    this.#isLocked = false;
    this.#problem = null;
    if (storeState.kind === 'open') return wasLocked ? 'opened' : 'was_open';
    return storeState.passphrase === 'new' ? 'made' : 'opened';
  }

  async #writeLock(): Promise<void> {
    try {
      await this.#registry.update((before) => ({ ...before, locked: true }));
      this.#problem = null;
    } catch (error) {
      const { message, ...details } = problemOf(error);
      this.#problem = { ...details, message: `locked only until the daemon stops: ${message}` };
    }
  }
}

function throwIfLockedSince(signal: AbortSignal): void {
  if (signal.aborted)
    throw new IamTokenError({ ...daemonLocked, message: 'the daemon was locked again during the unlock' });
}
