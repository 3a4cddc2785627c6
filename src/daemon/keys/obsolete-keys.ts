import type { Log } from '../../shared/log.ts';
import { type Problem, problemOf } from '../../shared/errors.ts';
import type { KeyAccess, KeyManagement } from '../../sources/credential-kind.ts';
import type { ObsoleteKey, ProfileEntry, ProfileRegistry, Registry } from '../profiles/profile-registry.ts';

export interface ObsoleteKeysParts {
  readonly registry: ProfileRegistry;
  readonly log: Log;
}

/** The account whose keys are managed, and the installation that it belongs to. */
export interface KeyOwner {
  readonly serviceAccountId: string;
  readonly endpoint: string;
}

/** The description of a key that a rotation creates: it finds the key again if the daemon is killed. */
export function formatKeyDescription(rotationId: string): string {
  return `iam-tokend rotation ${rotationId}`;
}

/**
 * The keys that are to be deleted in IAM, by the slot that they belong to: each key that a rotation replaced, and what a
 * rotation that did not end may have created. The list is in `profiles.json`, so that it survives the process. No other key
 * is ever deleted.
 */
export class ObsoleteKeys {
  readonly #parts: ObsoleteKeysParts;
  /** Slots of rotations in progress: their key may become live. */
  readonly #busySlots = new Set<string>();

  constructor(parts: ObsoleteKeysParts) {
    this.#parts = parts;
  }

  /** A rotation with this slot begins. */
  setBusy(slot: string): void {
    this.#busySlots.add(slot);
  }

  /** The rotation has ended. */
  setDone(slot: string): void {
    this.#busySlots.delete(slot);
  }

  /** The slots whose keys can be deleted with the credential of this owner: no profile uses them. */
  listSlots({ serviceAccountId, endpoint }: KeyOwner): readonly string[] {
    const { current } = this.#parts.registry;
    const liveIds = listLiveKeyIds(current);
    return Object.entries(current.obsoleteKeys ?? {})
      .filter(([slot]) => !this.#busySlots.has(slot))
      .filter(([, key]) => key.serviceAccountId === serviceAccountId && key.endpoint === endpoint)
      .filter(([, key]) => !('keyId' in key) || liveIds?.has(key.keyId) === false)
      .map(([slot]) => slot);
  }

  /**
   * Deletes the keys of an owner that are obsolete.
   * @returns the first problem; `null` if no key is left, apart from those that another profile uses
   */
  async deleteAll(owner: KeyOwner, management: KeyManagement, access: KeyAccess): Promise<Problem | null> {
    let firstProblem: Problem | null = null;
    for (const slot of this.listSlots(owner)) {
      const problem = await this.delete(slot, management, access);
      firstProblem ??= problem;
    }
    return firstProblem;
  }

  /**
   * Deletes the key of a slot, and takes the slot off the list.
   * @returns why it could not be deleted; `null` if it was, or if another profile uses it
   */
  async delete(slot: string, management: KeyManagement, access: KeyAccess): Promise<Problem | null> {
    try {
      return await this.#delete(slot, management, access);
    } catch (error) {
      return problemOf(error); // The list cannot be written.
    }
  }

  async #delete(slot: string, management: KeyManagement, access: KeyAccess): Promise<Problem | null> {
    const { registry, log } = this.#parts;
    const key = registry.current.obsoleteKeys?.[slot];
    if (key === undefined) return null;
    const found = await findKeyIds(key, management, access);
    if (!Array.isArray(found)) return found;
    const liveIds = listLiveKeyIds(registry.current);
    // A profile of an older release, whose key is not known before the store is open, may use it.
    if (liveIds === null || found.some((id) => liveIds.has(id))) return null;
    // The list on the disk must not have one of them as the live key, whatever happened to it.
    await registry.update((unchanged) => unchanged);
    for (const id of found) {
      const result = await management.delete({ id, serviceAccountId: key.serviceAccountId }, access);
      if (!result.ok) return result.problem;
      log.write('info', `deleted the key ${id} in IAM`, { subject: key.serviceAccountId });
    }
    await this.forget(slot);
    return null;
  }

  /** Takes a slot off the list: IAM has no key of it. @throws IamTokenError as `ProfileRegistry.update` does */
  async forget(slot: string): Promise<void> {
    await this.#parts.registry.update((before) => withoutObsoleteKey(before, slot));
  }
}

export function withoutObsoleteKey(registry: Registry, slot: string): Registry {
  const { obsoleteKeys = {}, ...others } = registry;
  const { [slot]: _, ...rest } = obsoleteKeys;
  return Object.keys(rest).length === 0 ? others : { ...others, obsoleteKeys: rest };
}

/** After a login, whose key may have been replaced before: the user wants it. */
export function withLiveKey({ key: liveKey }: ProfileEntry): (registry: Registry) => Registry {
  return (registry) => {
    const slots = Object.entries(registry.obsoleteKeys ?? {}).filter(
      ([, key]) => 'keyId' in key && key.keyId === liveKey?.id,
    );
    return slots.reduce((rest, [slot]) => withoutObsoleteKey(rest, slot), registry);
  };
}

export function withObsoleteKey(registry: Registry, slot: string, key: ObsoleteKey): Registry {
  return { ...registry, obsoleteKeys: { ...registry.obsoleteKeys, [slot]: key } };
}

async function findKeyIds(
  key: ObsoleteKey,
  management: KeyManagement,
  access: KeyAccess,
): Promise<string[] | Problem> {
  if ('keyId' in key) return [key.keyId];
  const listed = await management.list(key.serviceAccountId, access);
  if (!listed.ok) return listed.problem;
  const description = formatKeyDescription(key.rotationId);
  return listed.value.filter((listedKey) => listedKey.description === description).map(({ id }) => id);
}

/** `null` if a profile may have a key that is not known yet. */
function listLiveKeyIds({ profiles }: Registry): ReadonlySet<string> | null {
  const entries = Object.values(profiles);
  if (entries.some(({ kind, key }) => kind === 'service-account-key' && key === undefined)) return null;
  return new Set(entries.flatMap(({ key }) => (key === undefined ? [] : [key.id])));
}
