import type { CredentialStore, Interaction } from '../../stores/credential-store.ts';
import { type Problem, problemOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { Secret } from '../../shared/secret.ts';
import type { PersistedToken } from '../../token/token.ts';
import {
  type ProfileEntry,
  type ProfileRegistry,
  type Registry,
  createRandomId,
  copyScope,
  findEntry,
  findNameOfSlot,
  listOriginalInstances,
  requireEntry,
} from './profile-registry.ts';
import { parseCredential, parseToken, type StoredCredential } from '../slots/parse-items.ts';
import { LeftoverSlots } from '../slots/leftover-slots.ts';
import { UnstoredCredentials } from '../slots/unstored-credentials.ts';

/** @param slot the pending slot */
type RegistryChange = (registry: Registry, slot: string) => Registry;
const unchanged: RegistryChange = (registry) => registry;

export interface SlotItems {
  readonly credential: StoredCredential | null;
  readonly token: PersistedToken<Secret> | null;
}

/**
 * The items in the store: for each slot one with the credential, and one with the last IAM token. They are named by
 * instance and slot, so that a test or a second configuration never touches them.
 *
 * A slot is on the `discarded` list of `profiles.json` until it is live, and again after it was replaced. If a step fails
 * or the daemon is killed, it is emptied as soon as the store allows it.
 */
export class CredentialSlots {
  readonly #store: CredentialStore;
  readonly #registry: ProfileRegistry;
  readonly #log: Log;
  readonly #instance: string;
  readonly #originalInstances: ReadonlyMap<string, string>;
  readonly unstored = new UnstoredCredentials();
  readonly leftovers: LeftoverSlots;

  constructor(store: CredentialStore, registry: ProfileRegistry, log: Log) {
    this.#store = store;
    this.#registry = registry;
    this.#log = log;
    this.#instance = registry.current.instance;
    this.#originalInstances = listOriginalInstances(registry.current);
    this.leftovers = new LeftoverSlots(registry, store.kind);
  }

  /** The items with credentials and those with tokens, which may be absent; of all live slots unless given. */
  listKeys(slots: readonly string[] = this.#listLiveSlots()): {
    readonly credentials: readonly string[];
    readonly tokens: readonly string[];
  } {
    return {
      credentials: slots.map((slot) => this.#credentialKey(slot)),
      tokens: slots.map((slot) => this.#tokenKey(slot)),
    };
  }

  /**
   * The caller must `commit` or `discard` the slot.
   * @param change a further change of the list, in the same step
   */
  async createPending(change: RegistryChange = unchanged): Promise<string> {
    await this.leftovers.noteStore();
    const slot = createRandomId();
    this.leftovers.setBusy(slot);
    await this.#registry.update((before) =>
      change({ ...before, discarded: [...before.discarded, slot] }, slot),
    );
    return slot;
  }

  /**
   * Makes the slot of `entry` the profile's live slot.
   * @param expectedLiveSlot if given and another slot is live, nothing changes
   * @param change a further change of the list, in the same step
   * @returns the slot to discard: the previous live slot (`null` if none), or the slot of `entry` if nothing changed
   */
  async commit(
    name: string,
    entry: ProfileEntry,
    expectedLiveSlot?: string,
    change: RegistryChange = unchanged,
  ): Promise<string | null> {
    let slotToDiscard: string | null = entry.slot;
    const { originalInstance: _, ...rest } = entry;
    const ownEntry = this.#originalInstances.has(entry.slot) ? entry : rest;
    await this.#registry.update((before) => {
      // A replacement is committed to whichever profile has the slot, with its settings of now: both may have changed.
      const liveName = expectedLiveSlot === undefined ? name : findNameOfSlot(before, expectedLiveSlot);
      if (liveName === undefined) return before;
      const liveEntry = findEntry(before, liveName);
      const liveSlot = liveEntry?.slot ?? null;
      slotToDiscard = liveSlot;
      const otherDiscarded = before.discarded.filter((slot) => slot !== entry.slot);
      const after = {
        ...before,
        store: this.#store.kind,
        default: before.default ?? name,
        profiles: {
          ...before.profiles,
          [liveName]: expectedLiveSlot === undefined ? ownEntry : copyScope(ownEntry, liveEntry),
        },
        discarded: liveSlot === null ? otherDiscarded : [...otherDiscarded, liveSlot],
      };
      return change(after, entry.slot);
    });
    this.leftovers.setDone(entry.slot, null);
    return slotToDiscard;
  }

  /** @returns the slot to discard @throws IamTokenError `unknown_profile` */
  async removeProfile(name: string): Promise<string> {
    await this.leftovers.noteStore();
    let slot = '';
    await this.#registry.update((before) => {
      ({ slot } = requireEntry(before, name));
      const { [name]: _, ...profiles } = before.profiles;
      return {
        ...before,
        default: before.default === name ? null : before.default,
        profiles,
        discarded: [...before.discarded, slot],
      };
    });
    return slot;
  }

  /**
   * Empties a slot that is not live. If the store fails, the slot stays on the list.
   * @returns why it could not be emptied; `null` if it was
   */
  async discard(slot: string, interaction: Interaction): Promise<Problem | null> {
    this.leftovers.setBusy(slot);
    let problem: Problem | null = null;
    try {
      await this.remove(slot, interaction);
      await this.#forgetEmptySlot(slot);
    } catch (error) {
      problem = problemOf(error);
    }
    const isNew = this.leftovers.setDone(slot, problem);
    // Logged once, not at every retry.
    if (isNew) this.#log.write('warn', `cannot empty a replaced slot: ${problem?.message}`);
    return problem;
  }

  /** Without the space for it, the list names an empty slot, which is tried again later. */
  async #forgetEmptySlot(slot: string): Promise<void> {
    try {
      await this.#registry.update((before) => ({
        ...before,
        discarded: before.discarded.filter((discarded) => discarded !== slot),
      }));
    } catch (error) {
      this.leftovers.setEmpty(slot);
      this.#log.write('debug', `cannot remove an empty slot from the list: ${problemOf(error).message}`);
    }
  }

  /**
   * Empties the slots that stayed on the list, because a login was killed or the store was closed. Stops at the first that
   * fails while a user waits, who has then refused. Slots of another store are not touched: it would look as if they were
   * empty.
   */
  async discardLeftovers(interaction: Interaction = 'background'): Promise<void> {
    try {
      await this.leftovers.noteStore();
    } catch {
      return; // Logged at the start.
    }
    for (const slot of this.leftovers.list()) {
      // A slot may have been committed or emptied while another was emptied.
      if (!this.leftovers.isLeftover(slot)) continue;
      const problem = await this.discard(slot, interaction);
      if (problem !== null && interaction === 'interactive') return;
    }
  }

  /** As `readCredential` and `readToken`, in one call; `null` if the store reads each item by itself. */
  readTogether(slot: string, interaction: Interaction): Promise<SlotItems> | null {
    const [credentialKey, tokenKey] = [this.#credentialKey(slot), this.#tokenKey(slot)];
    const reading = this.#store.readTogether?.([credentialKey, tokenKey], interaction);
    if (reading === undefined) return null;
    return reading.then((items) => ({
      credential: parseCredential(items.get(credentialKey) ?? null),
      token: parseToken(items.get(tokenKey) ?? null),
    }));
  }

  /**
   * @returns `null` for an empty slot
   * @throws IamTokenError `login_required` if the item was not written by iam-tokend; the problems of the store
   */
  async readCredential(
    slot: string,
    interaction: Interaction = 'background',
  ): Promise<StoredCredential | null> {
    return parseCredential(await this.#store.read(this.#credentialKey(slot), interaction));
  }

  async writeCredential(
    slot: string,
    storedCredential: StoredCredential,
    interaction: Interaction,
  ): Promise<void> {
    const { kind, endpoint, audience, credential, anchors } = storedCredential;
    const item = JSON.stringify({ v: 1, kind, endpoint, audience, credential: credential.expose(), anchors });
    await this.#store.write(this.#credentialKey(slot), new Secret(item), interaction);
  }

  /** @returns `null` also for an invalid item, as the credential can be exchanged again */
  async readToken(
    slot: string,
    interaction: Interaction = 'background',
  ): Promise<PersistedToken<Secret> | null> {
    return parseToken(await this.#store.read(this.#tokenKey(slot), interaction));
  }

  /** Does nothing for a slot of the original folder. */
  async writeToken(slot: string, { token, clockOffsetMs }: PersistedToken<Secret>): Promise<void> {
    const { value, ...fields } = token;
    if (this.#originalInstances.has(slot)) return;
    const item = JSON.stringify({ v: 1, token: value.expose(), ...fields, clockOffsetMs });
    await this.#store.write(this.#tokenKey(slot), new Secret(item), 'background');
  }

  /** If the store refuses, only a restart without a network needs that token. */
  async copyToken(fromSlot: string, toSlot: string): Promise<void> {
    try {
      const token = await this.readToken(fromSlot);
      if (token !== null) await this.writeToken(toSlot, token);
    } catch (error) {
      this.#log.write('debug', `cannot store the token: ${problemOf(error).message}`);
    }
  }

  /** Whether the store may ask the user before each change, so that nothing is written in the background. */
  async requiresConfirmation(): Promise<boolean> {
    const state = await this.#store.state(this.listKeys().credentials);
    return state.kind === 'open' && state.confirmation !== undefined;
  }

  /**
   * The credential first, which outlives the token: the store may stop responding in between. Does nothing for a slot of
   * the original folder.
   */
  async remove(slot: string, interaction: Interaction): Promise<void> {
    if (this.#originalInstances.has(slot)) return;
    await this.#store.remove(this.#credentialKey(slot), interaction);
    await this.#store.remove(this.#tokenKey(slot), interaction);
  }

  #listLiveSlots(): readonly string[] {
    return Object.values(this.#registry.current.profiles).map(({ slot }) => slot);
  }

  #credentialKey(slot: string): string {
    return `${this.#originalInstances.get(slot) ?? this.#instance}.${slot}`;
  }

  #tokenKey(slot: string): string {
    return `${this.#credentialKey(slot)}.token`;
  }
}
