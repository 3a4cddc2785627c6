import type { Clock } from '../shared/clock.ts';
import type { Secret } from '../shared/secret.ts';
import type { CredentialStore, Interaction, StoreState } from './credential-store.ts';

/** How long a state is reported without another look at the store, unless it is used. */
const maxAgeMs = 1_000;

/** A store whose state can be reported many times a second: a look at a keychain takes milliseconds and a process. */
export class StateCachingStore implements CredentialStore {
  readonly #store: CredentialStore;
  readonly #clock: Pick<Clock, 'now'>;
  #recent: { readonly state: StoreState; readonly atMonotonicMs: number } | null = null;
  #probe: Promise<StoreState> | null = null;

  constructor(store: CredentialStore, clock: Pick<Clock, 'now'>) {
    this.#store = store;
    this.#clock = clock;
  }

  get kind(): CredentialStore['kind'] {
    return this.#store.kind;
  }

  /** The last state, if it is recent and nothing was done with the store since. */
  get recentState(): StoreState | null {
    if (this.#recent === null) return null;
    return this.#clock.now().monotonicMs - this.#recent.atMonotonicMs <= maxAgeMs ? this.#recent.state : null;
  }

  /** Concurrent calls share one look at the store. @param keys always those of all profiles: they change with the store */
  state(keys?: readonly string[]): Promise<StoreState> {
    if (this.#probe !== null) return this.#probe;
    const probe = this.#store.state(keys);
    this.#probe = probe;
    const settle = (state: StoreState | null): void => {
      // A state from before the last change of the store is not remembered.
      if (this.#probe !== probe) return;
      this.#probe = null;
      if (state !== null) this.#recent = { state, atMonotonicMs: this.#clock.now().monotonicMs };
    };
    probe.then(settle, () => settle(null));
    return probe;
  }

  get readTogether(): CredentialStore['readTogether'] {
    const { readTogether } = this.#store;
    if (readTogether === undefined) return undefined;
    return (keys, interaction) => this.#use(() => readTogether(keys, interaction));
  }

  read(key: string, interaction: Interaction): Promise<Secret | null> {
    return this.#use(() => this.#store.read(key, interaction));
  }

  write(key: string, value: Secret, interaction: Interaction): Promise<void> {
    return this.#use(() => this.#store.write(key, value, interaction));
  }

  remove(key: string, interaction: Interaction): Promise<void> {
    return this.#use(() => this.#store.remove(key, interaction));
  }

  unlock(...parameters: Parameters<CredentialStore['unlock']>): Promise<void> {
    return this.#use(() => this.#store.unlock(...parameters));
  }

  lock(): void {
    this.#forget();
    this.#store.lock();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Each call may open the store, create it, or show that it is closed. */
  async #use<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#forget();
    try {
      return await call();
    } finally {
      this.#forget();
    }
  }

  #forget(): void {
    this.#recent = null;
    this.#probe = null;
  }
}
