import type { CredentialStore } from '../../stores/credential-store.ts';
import type { Problem } from '../../shared/errors.ts';
import type { ProfileRegistry, Registry } from '../profiles/profile-registry.ts';

type StoreKind = CredentialStore['kind'];

const storeNames: Readonly<Record<StoreKind, string>> = {
  keychain: 'the keychain',
  file: 'the file store',
  memory: 'memory',
};

/** Slots that are not live, and that the store has not emptied yet: this store, or one that was used before it. */
export class LeftoverSlots {
  readonly #registry: ProfileRegistry;
  readonly #storeKind: StoreKind;
  /** Slots of a login that is not committed yet, and those that are being emptied. */
  readonly #busySlots = new Set<string>();
  /** Empty slots that could not be removed from the list. */
  readonly #emptySlots = new Set<string>();
  /** Why the store did not empty a slot. */
  readonly #problems = new Map<string, Problem>();

  constructor(registry: ProfileRegistry, storeKind: StoreKind) {
    this.#registry = registry;
    this.#storeKind = storeKind;
  }

  setBusy(slot: string): void {
    this.#busySlots.add(slot);
  }

  /** @param problem `null` if the slot was emptied, or is live @returns whether the problem is new */
  setDone(slot: string, problem: Problem | null): boolean {
    this.#busySlots.delete(slot);
    const isNew = problem !== null && this.#problems.get(slot)?.message !== problem.message;
    if (problem === null) this.#problems.delete(slot);
    else this.#problems.set(slot, problem);
    return isNew;
  }

  setEmpty(slot: string): void {
    this.#emptySlots.add(slot);
  }

  isLeftover(slot: string): boolean {
    const isBusy = this.#busySlots.has(slot) && !this.#problems.has(slot);
    return !isBusy && this.#registry.current.discarded.includes(slot);
  }

  list(): readonly string[] {
    return this.#registry.current.discarded.filter((slot) => this.isLeftover(slot));
  }

  /** What `status` and `doctor` say; `null`: nothing is left. */
  describe(): Problem | null {
    const slots = this.list().filter((slot) => !this.#emptySlots.has(slot));
    if (slots.length === 0) return this.#describePreviousStore();
    const problem = slots.map((slot) => this.#problems.get(slot)).find((known) => known !== undefined);
    const storeName = storeNames[this.#storeKind];
    return {
      code: problem?.code ?? 'keychain_locked',
      message: `${formatCount(slots.length)} still in ${storeName}${problem === undefined ? '' : `: ${problem.message}`}`,
      hint: [`removed as soon as ${storeName} allows it`, { text: 'or now', command: 'unlock' }],
    };
  }

  /**
   * After a change of the store: notes what the previous one holds, before anything else is done with slots. A store that
   * is used again is emptied of what is not live.
   * @throws IamTokenError as `ProfileRegistry.update` does
   */
  async noteStore(): Promise<void> {
    const { store: previousStore, profiles, discarded, abandoned } = this.#registry.current;
    const isUnused = Object.keys(profiles).length + discarded.length === 0 && abandoned === undefined;
    if (previousStore === this.#storeKind || (isUnused && previousStore === undefined)) return;
    await this.#registry.update((before) => moveToStore(before, this.#storeKind));
  }

  #describePreviousStore(): Problem | null {
    const { abandoned = {} } = this.#registry.current;
    const liveSlots = listLiveSlots(this.#registry.current);
    for (const kind of ['keychain', 'file'] as const) {
      const count = (abandoned[kind] ?? []).filter((slot) => !liveSlots.has(slot)).length;
      if (count === 0) continue;
      return {
        code: 'keychain_unavailable',
        message: `${formatCount(count)} still in ${storeNames[kind]}, which the daemon no longer uses`,
        hint: `to remove it (stop this daemon when status shows no leftovers, and start it as before): iam-token stop; iam-tokend --store ${kind}`,
      };
    }
    return null;
  }
}

function moveToStore(before: Registry, kind: StoreKind): Registry {
  const { store: previousStore, abandoned = {}, ...rest } = before;
  // Another login has noted it in the meantime.
  if (previousStore === kind) return before;
  // Version 0.1.0 did not record its store.
  if (previousStore === undefined) return { ...before, store: kind };
  const liveSlots = listLiveSlots(before);
  const returning = kind === 'memory' ? [] : (abandoned[kind] ?? []);
  const others = Object.entries(abandoned).filter(([otherKind]) => otherKind !== kind);
  const held = previousStore === 'memory' ? {} : { [previousStore]: [...liveSlots, ...before.discarded] };
  return {
    ...rest,
    store: kind,
    discarded: returning.filter((slot) => !liveSlots.has(slot)),
    abandoned: { ...Object.fromEntries(others), ...held },
  };
}

function listLiveSlots({ profiles }: Registry): ReadonlySet<string> {
  return new Set(Object.values(profiles).map(({ slot }) => slot));
}

function formatCount(count: number): string {
  return count === 1 ? 'a removed credential is' : `${count} removed credentials are`;
}
