import type { CredentialStore } from '../keychain/credential-store.ts';
import type { LockAnswer, UnlockAnswer } from '../protocol/messages.ts';
import { type Problem, ProblemError, problemOf } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';
import type { ProfileRegistry } from './profile-registry.ts';

export const daemonLocked: Problem = {
  code: 'locked',
  message: 'the daemon is locked',
  hint: 'iam-token unlock',
};

type Lockable = Pick<CredentialStore, 'state' | 'lock' | 'unlock'>;

/** Whether this daemon uses credentials at all: from `lock` to `unlock` it does not, restarts in between or not. */
export class DaemonLock {
  readonly #registry: ProfileRegistry;
  readonly #store: Lockable;
  #isLocked: boolean;
  #next = new AbortController();

  constructor(registry: ProfileRegistry, store: Lockable) {
    this.#registry = registry;
    this.#store = store;
    this.#isLocked = registry.current().locked === true;
  }

  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** Aborts at the next `lock`: whoever read a secret before that must not use it after. */
  get signal(): AbortSignal {
    return this.#next.signal;
  }

  /** @throws ProblemError `locked` while it is */
  refuse(): void {
    if (this.#isLocked) throw new ProblemError(daemonLocked);
  }

  /**
   * Holds at once, and has the store forget what it has in memory; resolves when a restart would find it so.
   * @throws ProblemError `internal` when the disk does not take it: it holds all the same, until the daemon ends
   */
  async lock(): Promise<LockAnswer['outcome']> {
    const wasLocked = this.#isLocked;
    this.#isLocked = true;
    this.#next.abort();
    this.#next = new AbortController();
    this.#store.lock();
    try {
      await this.#registry.change((before) => ({ ...before, locked: true }));
    } catch (cause) {
      const message = `locked, but only until the daemon ends: ${problemOf(cause).message}`;
      throw new ProblemError({ code: 'internal', message }, { cause });
    }
    return wasLocked ? 'was_locked' : 'locked';
  }

  /**
   * Opens the store, then the lock. Whatever fails, it stays locked if it was.
   * @throws ProblemError as the store does, and `locked` when a `lock` comes meanwhile
   */
  async unlock(passphrase: Secret | null): Promise<UnlockAnswer['outcome']> {
    const { signal } = this;
    const wasLocked = this.#isLocked;
    const before = await this.#store.state();
    await this.#store.unlock(passphrase);
    refuseAfter(signal);
    if (wasLocked) {
      await this.#registry
        .change(({ locked: _locked, ...rest }) => rest)
        .catch((error: unknown) => {
          this.#store.lock();
          throw error;
        });
      refuseAfter(signal);
    }
    this.#isLocked = false;
    if (before.kind === 'open') return wasLocked ? 'opened' : 'was_open';
    return before.passphrase === 'new' ? 'made' : 'opened';
  }
}

function refuseAfter(signal: AbortSignal): void {
  if (signal.aborted)
    throw new ProblemError({ ...daemonLocked, message: 'the daemon was locked again meanwhile' });
}
