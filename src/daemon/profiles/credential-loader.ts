import type { CertificateAnchor } from '../../config/certificate-files.ts';
import type { Interaction } from '../../stores/credential-store.ts';
import type { Alarm, Clock } from '../../shared/clock.ts';
import { type Problem, problemOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import type { CredentialKind, KeyDescription } from '../../sources/credential-kind.ts';
import type { Secret } from '../../shared/secret.ts';
import { openProfileSource } from '../../sources/open-profile-source.ts';
import { hasValidToken } from '../../token/selectors.ts';
import type { DaemonLock } from '../daemon-lock.ts';
import type { SlotItems } from './credential-slots.ts';
import type { StoredCredential } from '../slots/parse-items.ts';
import {
  canReopenStore,
  createLoginRequired,
  credentialMissingMessage,
  getStoreClosedCode,
  installationMismatchMessage,
} from './profile-problems.ts';
import { findEntry, type ProfileEntry, type ProfileRegistry, type Registry } from './profile-registry.ts';
import type { Profile, ProfileParts } from './profile.ts';
import { createRotatingSource, replaceCredential, type RotatingSourceParts } from './rotating-source.ts';
import type { RunningProfiles } from './running-profiles.ts';

/** A closed store is read again this often, without a prompt. */
const reopenIntervalMs = 30_000;
/** A request triggers an earlier read, at most this often. */
const minReopenIntervalMs = 5_000;

export interface CredentialLoaderParts extends RotatingSourceParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: ProfileRegistry;
  readonly findCredentialKind: (name: string) => CredentialKind | null;
  readonly announce: ProfileParts['announce'];
  readonly profiles: RunningProfiles;
  readonly lock: DaemonLock;
  readonly takeTurn?: ProfileParts['takeTurn'];
}

interface VerifiedCredential {
  readonly kind: CredentialKind;
  readonly credential: Secret;
  readonly anchors: readonly CertificateAnchor[];
  /** Whether the stored item has these anchors. */
  readonly isRecorded: boolean;
}

/** Loads credentials and tokens from the store, and retries while the store is closed. */
export class CredentialLoader {
  readonly #parts: CredentialLoaderParts;
  readonly #reopenAlarm: Alarm;
  #lastReopenMs = -Infinity;

  constructor(parts: CredentialLoaderParts) {
    this.#parts = parts;
    this.#reopenAlarm = parts.clock.createAlarm(() => this.#reopen());
  }

  async loadAll(): Promise<void> {
    const { clock, log, profiles } = this.#parts;
    const startedMs = clock.now().monotonicMs;
    const allProfiles = profiles.list();
    // In parallel: one stuck item must not delay the others.
    await Promise.all(allProfiles.map((profile) => this.load(profile)));
    const tookMs = Math.round(clock.now().monotonicMs - startedMs);
    log.write('info', 'read the store', { profiles: allProfiles.length, tookMs });
  }

  /**
   * Loads the profiles that a closed store left without a credential.
   * @param isTrustConfirmed also those whose certificates have changed; the present ones are recorded
   */
  async loadClosed(interaction: Interaction, isTrustConfirmed: boolean): Promise<void> {
    const { profiles, trust } = this.#parts;
    const isWaiting = ({ name, state }: Profile): boolean =>
      getStoreClosedCode(state) !== null || (isTrustConfirmed && trust.rejectedProfiles.includes(name));
    const waitingProfiles = profiles.list().filter(isWaiting);
    await Promise.all(waitingProfiles.map((profile) => this.load(profile, interaction, isTrustConfirmed)));
  }

  async loadAgain(names: readonly string[]): Promise<void> {
    const rejectedProfiles = this.#parts.profiles.list().filter(({ name }) => names.includes(name));
    await Promise.all(rejectedProfiles.map((profile) => this.load(profile)));
  }

  /** The profiles that a closed store left without a credential. */
  listClosed(): readonly Profile[] {
    return this.#parts.profiles.list().filter(({ state }) => getStoreClosedCode(state) !== null);
  }

  /** Never throws: a problem of the store becomes that of the profile. */
  async load(
    profile: Profile,
    interaction: Interaction = 'background',
    isTrustConfirmed = false,
  ): Promise<void> {
    const { announce, clock, lock, registry, trust } = this.#parts;
    const entry = findEntry(registry.current, profile.name);
    if (entry === undefined) return;
    const previousCode = getStoreClosedCode(profile.state);
    profile.beginLoading();
    const lockSignal = lock.signal;
    let { slot } = entry;
    // A rename may change the name in the meantime.
    const isOutdated = (): boolean =>
      lockSignal.aborted || findEntry(registry.current, profile.name)?.slot !== slot;
    try {
      const items = await this.#readItems(entry.slot, interaction, isOutdated);
      if (items === null || isOutdated()) return;
      const verified = await this.#verify(items.credential, entry, isTrustConfirmed);
      if (isOutdated()) return;
      if ('problem' in verified) {
        if (verified.isTrustProblem) this.#rejectTrust(profile, verified.problem);
        return profile.removeCredential(verified.problem);
      }
      slot = await this.#recordTrust(profile, entry, verified, interaction);
      if (isOutdated()) return;
      trust.accept(profile.name, verified.anchors);
      const liveEntry = { ...entry, slot };
      const tools = trust.toolsFor(profile, verified.anchors);
      const source = openProfileSource(verified.kind, verified.credential, liveEntry, tools);
      profile.setCredential(
        createRotatingSource(this.#parts, profile, verified.kind, source, liveEntry, verified.anchors),
        items.token,
        this.#parts.takeTurn?.(),
      );
      if (previousCode !== null && hasValidToken(profile.state, clock.now())) announce('rotated', profile);
      await recordKey(registry, profile, slot, verified.kind.keys?.describe(verified.credential));
    } catch (error) {
      if (!isOutdated()) this.#handleStoreProblem(profile, problemOf(error), previousCode);
    }
  }

  /** `null` if the slot has become outdated. */
  async #readItems(
    slot: string,
    interaction: Interaction,
    isOutdated: () => boolean,
  ): Promise<SlotItems | null> {
    const { slots } = this.#parts;
    const items = slots.readTogether(slot, interaction);
    if (items !== null) return items;
    const credential = await slots.readCredential(slot, interaction);
    return isOutdated() ? null : { credential, token: await slots.readToken(slot, interaction) };
  }

  /** Retries for a request to this profile, unless that was tried just before. */
  reopenIfClosed({ state }: Profile): void {
    const sinceLastMs = this.#parts.clock.now().monotonicMs - this.#lastReopenMs;
    if (canReopenStore(state) && sinceLastMs >= minReopenIntervalMs) this.#reopen();
  }

  stop(): void {
    this.#reopenAlarm.cancel();
  }

  #reopen(): void {
    const { clock, profiles } = this.#parts;
    this.#lastReopenMs = clock.now().monotonicMs;
    for (const profile of profiles.list()) if (canReopenStore(profile.state)) void this.load(profile);
  }

  /** Whether the credential may be used with the installation and the certificates of now. */
  async #verify(
    storedCredential: StoredCredential | null,
    entry: ProfileEntry,
    isTrustConfirmed: boolean,
  ): Promise<VerifiedCredential | { readonly problem: Problem; readonly isTrustProblem: boolean }> {
    const { findCredentialKind, trust } = this.#parts;
    if (storedCredential === null) return withoutCredential(credentialMissingMessage);
    const kind = findCredentialKind(entry.kind);
    if (kind === null || !isVerifiedFor(storedCredential, entry)) {
      return withoutCredential(installationMismatchMessage);
    }
    const { credential, anchors: recordedAnchors } = storedCredential;
    const problem = recordedAnchors === undefined ? null : await trust.findProblem(recordedAnchors);
    if (problem !== null && !isTrustConfirmed) return { problem, isTrustProblem: true };
    const isRecorded = recordedAnchors !== undefined && problem === null;
    const anchors = isRecorded ? recordedAnchors : await trust.readAnchors();
    return { kind, credential, anchors, isRecorded };
  }

  #rejectTrust({ name }: Profile, { message }: Problem): void {
    const { log, trust } = this.#parts;
    // Logged once, not at every reload.
    if (!trust.rejectedProfiles.includes(name))
      log.write('warn', `the credential is not used: ${message}`, { profile: name });
    trust.reject(name);
  }

  /**
   * Stores the certificates with a credential of release 0.1.0, and after they were confirmed; and a credential of its own
   * for a copied configuration folder.
   * @returns the live slot
   */
  async #recordTrust(
    profile: Profile,
    entry: ProfileEntry,
    verified: VerifiedCredential,
    interaction: Interaction,
  ): Promise<string> {
    const { log, slots } = this.#parts;
    const isOriginal = entry.originalInstance !== undefined;
    if (verified.isRecorded && !isOriginal) return entry.slot;
    const { credential, anchors } = verified;
    try {
      const slot = await replaceCredential(slots, profile.name, entry, { credential, anchors }, interaction);
      // A login was faster, and the caller sees that this slot is no longer live.
      if (slot === null) return entry.slot;
      const paths = anchors.map(({ path }) => path).join(', ');
      const message = isOriginal
        ? 'stored the credential again for this copy of the configuration folder'
        : `recorded the trusted certificates: ${paths || 'none'}`;
      log.write('info', message, { profile: profile.name });
      return slot;
    } catch (error) {
      const reason = problemOf(error).message;
      const what = isOriginal ? 'store the credential of a copied folder' : 'record the trusted certificates';
      log.write('warn', `cannot ${what}: ${reason}`, { profile: profile.name });
      return entry.slot;
    }
  }

  #handleStoreProblem(profile: Profile, problem: Problem, previousCode: string | null): void {
    const { announce, clock, log } = this.#parts;
    const { code, message } = problem;
    profile.removeCredential(problem);
    this.#reopenAlarm.set(clock.now().monotonicMs + reopenIntervalMs);
    // Logged once, not at every retry.
    if (code === previousCode) return;
    log.write('warn', `cannot read the credential: ${message}`, { profile: profile.name, code });
    if (getStoreClosedCode(profile.state) !== null) announce('locked', profile);
  }
}

/** Of a login of release 0.1.0. A list that cannot be written changes nothing else. */
async function recordKey(
  registry: ProfileRegistry,
  profile: Profile,
  slot: string,
  key: KeyDescription | undefined,
): Promise<void> {
  if (key === undefined || findEntry(registry.current, profile.name)?.key !== undefined) return;
  const addKey = (before: Registry): Registry => {
    const { name } = profile;
    const entry = findEntry(before, name);
    if (entry?.slot !== slot) return before;
    return { ...before, profiles: { ...before.profiles, [name]: { ...entry, key } } };
  };
  await registry.update(addKey).catch(() => undefined);
}

function withoutCredential(message: string): { readonly problem: Problem; readonly isTrustProblem: false } {
  return { problem: createLoginRequired(message), isTrustProblem: false };
}

function isVerifiedFor(storedCredential: StoredCredential, entry: ProfileEntry): boolean {
  return (
    storedCredential.kind === entry.kind &&
    storedCredential.endpoint === entry.endpoint &&
    storedCredential.audience === entry.audience
  );
}
