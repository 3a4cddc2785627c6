import { IamTokenError, problemOf } from '../../shared/errors.ts';
import type { Secret } from '../../shared/secret.ts';
import type { PersistedToken } from '../../token/token.ts';
import type { CredentialSlots } from './credential-slots.ts';
import { createProfileNotFound } from './profile-problems.ts';
import { moveKey, type ProfileRef } from '../profile-ref.ts';
import { findEntry, type ProfileRegistry } from './profile-registry.ts';
import { Profile, type ProfileParts } from './profile.ts';

export interface RunningProfilesParts extends Pick<
  ProfileParts,
  'clock' | 'log' | 'getNextScheduledMs' | 'formatHint' | 'announce' | 'onRenewal' | 'takeTurn'
> {
  readonly registry: ProfileRegistry;
  readonly slots: CredentialSlots;
}

/** The profiles of `profiles.json`, each with its lifecycle, and their tokens stored for a restart. */
export class RunningProfiles {
  readonly #parts: RunningProfilesParts;
  readonly #profiles = new Map<string, Profile>();
  readonly #refs = new Map<string, { name: string }>();
  /** By profile: why its last token is not stored. */
  readonly #tokenProblems = new Map<string, string>();
  /** The store writes in order, so all writes have ended when this one has. */
  #lastTokenWrite: Promise<void> = Promise.resolve();

  constructor(parts: RunningProfilesParts) {
    this.#parts = parts;
    for (const name of Object.keys(parts.registry.current.profiles)) this.start(name);
  }

  list(): readonly Profile[] {
    return [...this.#profiles.values()];
  }

  /**
   * @param name the default profile unless given
   * @throws IamTokenError `unknown_profile`; `login_required` if no profile exists
   */
  get(name: string | null = this.#parts.registry.current.default): Profile {
    const profile = name === null ? undefined : this.#profiles.get(name);
    if (profile !== undefined) return profile;
    throw new IamTokenError(createProfileNotFound(name, [...this.#profiles.keys()]));
  }

  getOrStart(name: string): Profile {
    return this.#profiles.get(name) ?? this.start(name);
  }

  start(name: string): Profile {
    const ref = this.refOf(name);
    const profile = new Profile({
      ...this.#parts,
      get name() {
        return ref.name;
      },
      persistToken: (persisted) => this.#persistToken(ref, persisted),
    });
    this.#profiles.set(name, profile);
    return profile;
  }

  /** The reference of a profile that runs, or that a login is about to start. */
  refOf(name: string): { name: string } {
    const ref = this.#refs.get(name) ?? { name };
    this.#refs.set(name, ref);
    return ref;
  }

  /** After a failed login. */
  releaseRef(name: string): void {
    if (!this.#profiles.has(name)) this.#refs.delete(name);
  }

  /** The profile runs on, with its token, its requests and its times, under another name. */
  rename(profile: Profile, to: string): void {
    const from = profile.name;
    const ref = this.refOf(from);
    for (const names of [this.#profiles, this.#refs, this.#tokenProblems]) moveKey(names, from, to);
    ref.name = to;
    profile.reschedule();
  }

  /** @returns the profile, which the caller stops. @throws IamTokenError `unknown_profile` */
  remove(name: string): Profile {
    const profile = this.get(name);
    this.#profiles.delete(name);
    this.#refs.delete(name);
    this.#tokenProblems.delete(name);
    return profile;
  }

  /** What `status` says of a token that is not stored; `null` if it is. */
  getTokenNotice(name: string): string | null {
    const problem = this.#tokenProblems.get(name);
    return problem === undefined ? null : `the IAM token is not stored for a restart: ${problem}`;
  }

  /** Resolves when the last token is stored. */
  async stop(): Promise<void> {
    for (const profile of this.#profiles.values()) profile.stop();
    await this.#lastTokenWrite;
  }

  #persistToken(profile: ProfileRef, persisted: PersistedToken<Secret>): void {
    const { registry, slots } = this.#parts;
    const slot = findEntry(registry.current, profile.name)?.slot;
    if (slot === undefined) return;
    this.#lastTokenWrite = slots.writeToken(slot, persisted).then(
      () => void this.#tokenProblems.delete(profile.name),
      (error: unknown) => this.#reportUnstoredToken(profile, error),
    );
  }

  /** One warning, not one for each profile and each renewal. */
  async #reportUnstoredToken(profile: ProfileRef, error: unknown): Promise<void> {
    const { log, slots } = this.#parts;
    const { message } = problemOf(error);
    // A store that asks before each change stores nothing in the background, which `status` says anyway.
    const isExpected = await slots.requiresConfirmation().catch(() => false);
    const level = isExpected || this.#tokenProblems.size > 0 ? 'debug' : 'warn';
    const { name } = profile;
    log.write(level, `cannot store the IAM token for a restart: ${message}`, { profile: name });
    if (!isExpected && this.#profiles.has(name)) this.#tokenProblems.set(name, message);
  }
}
