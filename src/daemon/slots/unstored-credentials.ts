import { moveKey } from '../profile-ref.ts';
import type { Log } from '../../shared/log.ts';
import type { Interaction } from '../../stores/credential-store.ts';

type StoreCredential = (interaction: Interaction) => Promise<void>;

/** By profile: credentials that replaced the stored ones, and that the store did not take. A restart loses them. */
export class UnstoredCredentials {
  readonly #writers = new Map<string, StoreCredential>();

  /** @param store stores the credential, and removes it from here; never throws */
  add(profile: string, store: StoreCredential): void {
    this.#writers.set(profile, store);
  }

  has(profile: string): boolean {
    return this.#writers.has(profile);
  }

  /** After the credential was stored, removed or replaced. */
  remove(profile: string): void {
    this.#writers.delete(profile);
  }

  rename(from: string, to: string): void {
    moveKey(this.#writers, from, to);
  }

  /** At a lock or a stop, which lose them. */
  drop(reason: string, log: Log): void {
    const message = `${reason}: the renewed credential was not stored and is lost; log in again`;
    for (const profile of this.#writers.keys()) log.write('warn', message, { profile });
    this.#writers.clear();
  }

  /** For a user who waits, so that prompts may open. */
  async storeAll(): Promise<void> {
    for (const store of [...this.#writers.values()]) await store('interactive');
  }
}
