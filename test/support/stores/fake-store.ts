import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CredentialStore, Interaction, StoreState } from '../../../src/stores/credential-store.ts';
import { createMemoryStore } from '../../../src/stores/memory-store.ts';
import { type ErrorCode, IamTokenError, type Problem } from '../../../src/shared/errors.ts';
import { Secret } from '../../../src/shared/secret.ts';

type Operation = 'read' | 'write' | 'remove';

export interface StoreCall {
  readonly operation: Operation;
  readonly key: string;
  readonly interaction: Interaction;
}

type CallMatcher = (call: StoreCall) => boolean;

interface Hold {
  readonly matches: CallMatcher;
  readonly released: Promise<void>;
}

/** A store in memory that records its calls, and fails or hangs on demand. It keeps its items when locked. */
export class FakeStore implements CredentialStore {
  kind: CredentialStore['kind'] = 'memory';
  readonly calls: StoreCall[] = [];
  isClosed = false;
  lockCount = 0;
  /** See `StoreState`. */
  confirmation: Problem | null = null;
  /** Those of `unlock`, which accepts any. */
  readonly passphrases: string[] = [];
  readonly #inner = createMemoryStore();
  readonly #keys = new Set<string>();
  readonly #holds = new Set<Hold>();
  #failure: { readonly code: ErrorCode; readonly matches: CallMatcher } | null = null;

  listKeys(): readonly string[] {
    return [...this.#keys].toSorted();
  }

  putItem(key: string, text: string): void {
    this.#keys.add(key);
    void this.#inner.write(key, new Secret(text), 'interactive');
  }

  /** From now on, matching calls fail with this code; with `null`, all succeed again. */
  failWith(code: ErrorCode | null, matches: CallMatcher = () => true): void {
    this.#failure = code === null ? null : { code, matches };
  }

  /** From now on, matching calls wait until the returned function is called. */
  holdCalls(matches: CallMatcher): () => void {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const hold = { matches, released };
    this.#holds.add(hold);
    return () => {
      this.#holds.delete(hold);
      release();
    };
  }

  async state(): Promise<StoreState> {
    await nextTurn();
    if (this.confirmation !== null) return { kind: 'open', confirmation: this.confirmation };
    return this.#failure === null
      ? { kind: 'open' }
      : { kind: 'closed', problem: { code: this.#failure.code, message: 'the store fails' } };
  }

  async read(key: string, interaction: Interaction): Promise<Secret | null> {
    await this.#recordCall({ operation: 'read', key, interaction });
    return this.#inner.read(key, interaction);
  }

  async write(key: string, value: Secret, interaction: Interaction): Promise<void> {
    await this.#recordCall({ operation: 'write', key, interaction });
    this.#keys.add(key);
    await this.#inner.write(key, value, interaction);
  }

  async remove(key: string, interaction: Interaction): Promise<void> {
    await this.#recordCall({ operation: 'remove', key, interaction });
    this.#keys.delete(key);
    await this.#inner.remove(key, interaction);
  }

  async unlock(passphrase: Secret | null): Promise<void> {
    await nextTurn();
    if (passphrase !== null) this.passphrases.push(passphrase.expose());
    if (this.#failure !== null && this.confirmation === null) {
      throw new IamTokenError({ code: this.#failure.code, message: 'the store fails' });
    }
  }

  lock(): void {
    this.lockCount += 1;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.#inner.close();
  }

  async #recordCall(call: StoreCall): Promise<void> {
    this.calls.push(call);
    // A real store settles in a later turn.
    await nextTurn();
    for (const { matches, released } of [...this.#holds]) if (matches(call)) await released;
    if (this.#failure?.matches(call) === true) {
      throw new IamTokenError({
        code: this.#failure.code,
        message: `the store fails: ${this.#failure.code}`,
      });
    }
  }
}
