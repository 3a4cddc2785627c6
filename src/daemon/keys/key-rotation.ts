import { IamTokenError, type Problem, problemOf } from '../../shared/errors.ts';
import { findEntry, type ProfileEntry } from '../profiles/profile-registry.ts';
import type { Profile } from '../profiles/profile.ts';
import type { RunningProfiles } from '../profiles/running-profiles.ts';
import {
  deleteObsoleteKeys,
  findKeyStoreObstacle,
  type KeyReplacementParts,
  type ReplacedKey,
  replaceKey,
} from './key-replacement.ts';
import { openLiveKey, requireKeys } from './live-key.ts';
import { ObsoleteKeys } from './obsolete-keys.ts';
import { credentialChanged } from './rotate-key.ts';
import { RotationSchedule, type RotationScheduleParts } from './rotation-schedule.ts';

export interface KeyRotationParts extends Omit<KeyReplacementParts, 'obsoleteKeys'>, RotationScheduleParts {
  readonly clock: KeyReplacementParts['clock'];
  readonly profiles: RunningProfiles;
}

/** Times in milliseconds since the epoch. */
export interface LastUse {
  readonly keyId: string;
  /** `null` if IAM does not say. */
  readonly usedAtMs: number | null;
}

/** What `status` says about the key of a profile; times in milliseconds since the epoch. */
export interface KeyState {
  readonly id: string;
  readonly createdAtMs: number | null;
  readonly nextRotationAtMs: number | null;
  /** Why the key was not replaced, or the replaced one not deleted. */
  readonly problem: Problem | null;
}

/** Replaces authorized keys, when a user asks for it and by their age, and deletes what rotations left in IAM. */
export class KeyRotation {
  readonly #parts: KeyRotationParts & KeyReplacementParts;
  readonly #schedule: RotationSchedule;
  readonly #stopController = new AbortController();
  /** By profile: a rotation or a clean-up that is in progress or in the queue. */
  readonly #backgroundRuns = new Map<Profile, Promise<void>>();
  /** Of the last rotation or clean-up, with the key that the profile has since. */
  readonly #problems = new WeakMap<
    Profile,
    { readonly keyId: string | undefined; readonly problem: Problem }
  >();

  constructor(parts: KeyRotationParts) {
    this.#parts = { ...parts, obsoleteKeys: new ObsoleteKeys(parts) };
    this.#schedule = new RotationSchedule(parts);
  }

  /** Before a login whose key is to be replaced. @throws IamTokenError the reason, and the way out */
  async requireStore(): Promise<void> {
    const obstacle = await findKeyStoreObstacle(this.#parts);
    if (obstacle !== null) throw new IamTokenError(obstacle);
  }

  /**
   * Replaces the key of a profile now. The rotation goes on if the client disconnects.
   * @throws IamTokenError why the previous key stays in use; `locked`
   */
  async rotate(
    name: string | undefined,
    keepsReplacedKey: boolean,
  ): Promise<ReplacedKey & { readonly profile: Profile }> {
    const { lock, logins, profiles } = this.#parts;
    lock.assertUnlocked();
    const profile = profiles.get(name);
    const entry = this.#findEntry(profile);
    if (entry !== undefined) requireKeys(this.#parts, profile, entry);
    const replaced = await logins.runInTurn([profile.name], () => {
      if (!this.#isListed(profile)) throw new IamTokenError(credentialChanged);
      return replaceKey(this.#parts, profile, keepsReplacedKey, this.#createSignal());
    });
    this.#setProblem(profile, replaced.problem);
    return { profile, ...replaced };
  }

  /** When IAM last accepted the key of a profile. @throws IamTokenError why that is not known */
  async findLastUse(profile: Profile): Promise<LastUse> {
    const { management, description, access } = await openLiveKey(this.#parts, profile, this.#createSignal());
    const found = await management.find(description, access);
    if (!found.ok) throw new IamTokenError(found.problem);
    return { keyId: description.id, usedAtMs: found.value.lastUsedAtMs ?? null };
  }

  /** A renewal has succeeded, so IAM answers, and the credential works: does what is due. */
  handleRenewal(profile: Profile): void {
    const entry = this.#findEntry(profile);
    if (entry?.key === undefined) return;
    if (this.#hasObsoleteKeys(entry) || this.#schedule.isDue(profile, entry))
      void this.#startInBackground(profile);
  }

  /** After a start or an `unlock`: deletes what a killed rotation left in IAM. Resolves when that has ended. */
  async cleanUp(): Promise<void> {
    const profiles = this.#parts.profiles.list().filter((profile) => {
      const entry = this.#findEntry(profile);
      return entry !== undefined && this.#hasObsoleteKeys(entry);
    });
    await Promise.all(profiles.map((profile) => this.#startInBackground(profile)));
  }

  /** `null` for a profile without an authorized key. */
  getState(profile: Profile, { key }: ProfileEntry): KeyState | null {
    if (key === undefined) return null;
    const known = this.#problems.get(profile);
    return {
      id: key.id,
      createdAtMs: key.createdAtMs ?? null,
      nextRotationAtMs: this.#schedule.nextAtMs(profile, key),
      problem: known?.keyId === key.id ? known.problem : null,
    };
  }

  /** Resolves when no rotation and no clean-up that began by itself is in progress. */
  async whenIdle(): Promise<void> {
    await Promise.all(this.#backgroundRuns.values());
  }

  stop(): void {
    this.#stopController.abort();
  }

  #createSignal(): AbortSignal {
    return AbortSignal.any([this.#stopController.signal, this.#parts.lock.signal]);
  }

  /** `false` after a logout, although a login may have made another profile with its name. */
  #isListed(profile: Profile): boolean {
    return this.#parts.profiles.list().includes(profile);
  }

  #findEntry({ name }: Profile): ProfileEntry | undefined {
    return findEntry(this.#parts.registry.current, name);
  }

  #hasObsoleteKeys({ key, endpoint }: ProfileEntry): boolean {
    if (key === undefined) return false;
    const { serviceAccountId } = key;
    return this.#parts.obsoleteKeys.listSlots({ serviceAccountId, endpoint }).length > 0;
  }

  #startInBackground(profile: Profile): Promise<void> {
    const pending = this.#backgroundRuns.get(profile);
    if (pending !== undefined) return pending;
    const run = this.#runInBackground(profile).finally(() => this.#backgroundRuns.delete(profile));
    this.#backgroundRuns.set(profile, run);
    return run;
  }

  /** Never throws: a problem is logged, and shown by `status`. */
  async #runInBackground(profile: Profile): Promise<void> {
    try {
      const run = (): Promise<Problem | null> => this.#doWhatIsDue(profile);
      this.#setProblem(profile, await this.#parts.logins.runInTurn([profile.name], run));
    } catch (error) {
      this.#setProblem(profile, problemOf(error));
    }
  }

  #setProblem(profile: Profile, problem: Problem | null): void {
    if (problem === null) return void this.#problems.delete(profile);
    // What a lock or a stop interrupts is done later.
    if (this.#parts.lock.isLocked || this.#stopController.signal.aborted) return;
    // Logged once, not at every renewal.
    const isNew = this.#problems.get(profile)?.problem.message !== problem.message;
    if (isNew) this.#parts.log.write('warn', `rotation: ${problem.message}`, { profile: profile.name });
    this.#problems.set(profile, { keyId: this.#findEntry(profile)?.key?.id, problem });
  }

  /** The profile may have changed, or gone, while this waited for its turn. */
  async #doWhatIsDue(profile: Profile): Promise<Problem | null> {
    const entry = this.#findEntry(profile);
    if (entry?.key === undefined || this.#parts.lock.isLocked || !this.#isListed(profile)) return null;
    if (this.#schedule.isDue(profile, entry)) return this.#rotateByAge(profile, entry.key.createdAtMs);
    if (!this.#hasObsoleteKeys(entry)) return this.#problems.get(profile)?.problem ?? null;
    return deleteObsoleteKeys(this.#parts, await openLiveKey(this.#parts, profile, this.#createSignal()));
  }

  async #rotateByAge(profile: Profile, createdAtMs: number | undefined): Promise<Problem | null> {
    const obstacle = await findKeyStoreObstacle(this.#parts);
    // This is no attempt: the rotation waits for another store.
    if (obstacle !== null) return obstacle;
    await this.#updateKey(profile, { attemptedAtMs: this.#schedule.nowMs(profile) });
    if (createdAtMs === undefined && !(await this.#isOldInIam(profile))) return null;
    return (await replaceKey(this.#parts, profile, false, this.#createSignal())).problem;
  }

  /** Records when IAM created the key, and looks whether it is old enough. @throws IamTokenError */
  async #isOldInIam(profile: Profile): Promise<boolean> {
    const { management, description, access } = await openLiveKey(this.#parts, profile, this.#createSignal());
    const found = await management.find(description, access);
    if (!found.ok) throw new IamTokenError(found.problem);
    const { createdAtMs } = found.value;
    if (createdAtMs === undefined) return false;
    await this.#updateKey(profile, { createdAtMs });
    const { id } = description;
    const nextAtMs = this.#schedule.nextAtMs(profile, { id, createdAtMs });
    return nextAtMs !== null && nextAtMs <= this.#schedule.nowMs(profile);
  }

  async #updateKey(profile: Profile, change: Partial<NonNullable<ProfileEntry['key']>>): Promise<void> {
    await this.#parts.registry.update((before) => {
      const entry = findEntry(before, profile.name);
      if (entry?.key === undefined) return before;
      const changed = { ...entry, key: { ...entry.key, ...change } };
      return { ...before, profiles: { ...before.profiles, [profile.name]: changed } };
    });
  }
}
