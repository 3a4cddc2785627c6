import type { CredentialStore, StoreState } from '../../stores/credential-store.ts';
import type { LockResult, UnlockResult } from '../../protocol/method-types.ts';
import { IamTokenError, type Problem } from '../../shared/errors.ts';
import { formatHint, type Hint, type HintProfile } from '../../shared/hint.ts';
import type { Secret } from '../../shared/secret.ts';
import type { AwsKeys } from '../../sources/exchange/aws-keys.ts';
import type { StateCachingStore } from '../../stores/state-caching-store.ts';
import { RecentNotices } from '../../sources/recent-notices.ts';
import { DaemonLock, daemonLocked } from '../daemon-lock.ts';
import type { SourceTools } from '../../sources/credential-kind.ts';
import { CredentialLoader } from './credential-loader.ts';
import { CredentialTrust, type TrustSource } from '../credential-trust.ts';
import { KeyRotation, type KeyRotationParts } from '../keys/key-rotation.ts';
import type { LimitedUser } from '../derived/derived-budget.ts';
import { DerivedProfiles } from '../derived/derived-profiles.ts';
import { type CompletedLogin, LoginQueue } from './login-queue.ts';
import { ProfileEditor, type ProfileEditorParts } from './edit-profile.ts';
import type { CredentialLoginParams, LoginParts } from './login.ts';
import {
  createLoginRequired,
  credentialMissingMessage,
  credentialUnstoredNotice,
} from './profile-problems.ts';
import { findEntry, hintProfileOf, type ProfileEntry, type Registry } from './profile-registry.ts';
import type { Profile, ProfileParts } from './profile.ts';
import { type RevocationResult, revoke } from './revocation.ts';
import { RunningProfiles } from './running-profiles.ts';
import { LeftoverRemoval } from '../slots/leftover-removal.ts';

export interface ProfilesParts
  extends Omit<LoginParts, 'trust'>, Pick<ProfileParts, 'getNextScheduledMs' | 'announce' | 'takeTurn'> {
  readonly onRename?: ProfileEditorParts['onRename'];
  readonly tools: SourceTools;
  readonly trustSource: TrustSource;
  readonly store: Pick<CredentialStore, 'kind' | 'state' | 'lock' | 'unlock'> &
    Partial<Pick<StateCachingStore, 'recentState'>>;
  readonly getRotateAfterMs?: KeyRotationParts['getRotateAfterMs'];
}

/** What the methods of the wire protocol do with profiles. */
export class Profiles {
  readonly editor: ProfileEditor;
  readonly keys: KeyRotation;
  readonly #parts: ProfilesParts & { readonly trust: CredentialTrust };
  readonly #lock: DaemonLock;
  readonly #derived: DerivedProfiles;
  readonly #running: RunningProfiles;
  readonly #loader: CredentialLoader;
  readonly #logins: LoginQueue;
  readonly #notices: RecentNotices;
  readonly #leftovers: LeftoverRemoval;

  constructor(profilesParts: ProfilesParts) {
    const onChange = (name: string, problem: Problem): void => this.#rejectCredential(name, problem);
    const trust = new CredentialTrust({ ...profilesParts, onChange });
    const parts = { ...profilesParts, trust };
    this.#parts = parts;
    const { announce, registry, store } = parts;
    const formatProfileHint = (hint: Hint, name: string): string =>
      formatHint(hint, this.getHintProfile(name));
    const lock = new DaemonLock(registry, {
      state: () => this.getStoreState(),
      lock: () => store.lock(),
      unlock: (passphrase) => this.#unlockStore(passphrase),
    });
    const derived = new DerivedProfiles({ ...parts, formatHint: formatProfileHint });
    const profiles = new RunningProfiles({
      ...parts,
      formatHint: formatProfileHint,
      announce: (event, profile) => {
        if (event === 'rotated') derived.removeFailed(profile);
        announce(event, profile);
      },
      onRenewal: (profile) => this.keys.handleRenewal(profile),
    });
    const loader = new CredentialLoader({ ...parts, profiles, lock });
    this.#leftovers = new LeftoverRemoval({ ...parts, isLocked: () => lock.isLocked });
    this.#lock = lock;
    this.#derived = derived;
    this.#running = profiles;
    this.#loader = loader;
    this.#logins = new LoginQueue({ ...parts, profiles, derived, loader, lock });
    this.editor = new ProfileEditor({ ...parts, profiles, derived, lock, logins: this.#logins });
    this.keys = new KeyRotation({ ...parts, profiles, lock, logins: this.#logins });
    this.#notices = new RecentNotices(parts);
  }

  get registry(): Registry {
    return this.#parts.registry.current;
  }

  get isLocked(): boolean {
    return this.#lock.isLocked;
  }

  /** Whether the store is open for the credentials of all profiles. */
  getStoreState(): Promise<StoreState> {
    const { slots, store } = this.#parts;
    return store.state(slots.listKeys().credentials);
  }

  /** As `getStoreState`, if that is known without another look at the store. */
  get recentStoreState(): StoreState | null {
    return this.#parts.store.recentState ?? null;
  }

  /** Reads the store for every profile, and empties slots that a killed login left behind. */
  async load(): Promise<void> {
    const storeNoted = this.#leftovers.noteStore();
    if (this.isLocked) {
      for (const profile of this.#running.list()) profile.removeCredential(daemonLocked);
      this.#parts.log.write('info', 'the daemon is locked; run iam-token unlock');
      return storeNoted;
    }
    await this.#loader.loadAll();
    await storeNoted;
    await this.#leftovers.run();
    void this.keys.cleanUp();
  }

  /**
   * @param name the default profile unless given
   * @throws IamTokenError `unknown_profile`; `login_required` if no profile exists
   */
  get(name?: string): Profile {
    return this.#running.get(name);
  }

  /**
   * As `get`, for a request that uses the credential: a closed store is read again.
   * @throws IamTokenError as `get` does; `locked`
   */
  getUnlocked(name?: string): Profile {
    this.#lock.assertUnlocked();
    const profile = this.get(name);
    if (profile.state.phase.kind === 'no_credential') this.#loader.reopenIfClosed(profile);
    return profile;
  }

  /** See `login-queue.ts`. */
  async login(params: CredentialLoginParams, signal: AbortSignal): Promise<CompletedLogin> {
    this.#lock.assertUnlocked();
    const login = await this.#logins.login(params, signal);
    await this.#leftovers.runWithUser();
    return login;
  }

  /** Removed credentials that are still in a store, as `status`, `logout` and `login` report them; `null`: none. */
  describeLeftovers(): Problem | null {
    return this.#parts.slots.leftovers.describe();
  }

  /** @throws IamTokenError `login_required` if a logout has removed the profile */
  getEntry(name: string): ProfileEntry {
    const entry = findEntry(this.registry, name);
    if (entry === undefined) throw new IamTokenError(createLoginRequired(credentialMissingMessage));
    return entry;
  }

  /** @throws IamTokenError as `getUnlocked` does */
  getImpersonated(name: string | undefined, serviceAccountId: string, user: LimitedUser): Profile {
    const profile = this.getUnlocked(name);
    return this.#derived.getImpersonated(profile, serviceAccountId, user, this.getEntry(profile.name));
  }

  /** @throws IamTokenError as `getUnlocked` does */
  getAwsKeys(name: string | undefined, user: LimitedUser): Profile<AwsKeys> {
    const profile = this.getUnlocked(name);
    return this.#derived.getAwsKeys(profile, user, this.getEntry(profile.name));
  }

  /** How hints name a profile; see `hintProfileOf`. */
  getHintProfile(name?: string): HintProfile {
    return hintProfileOf(this.registry, name);
  }

  /** What the user should know of a profile without problems; `null`: nothing. */
  getNotice(name: string, { kind }: ProfileEntry): string | null {
    const notice = this.#parts.slots.unstored.has(name)
      ? credentialUnstoredNotice
      : (this.#running.getTokenNotice(name) ?? this.#notices.get(kind));
    return notice === null ? null : formatHint(notice, this.getHintProfile(name));
  }

  /** Before a `refresh`: a role that was missing may be granted by now. */
  retryDerived(profile: Profile): void {
    this.#derived.removeFailed(profile);
  }

  /** Revokes the IAM tokens of a profile, before a `logout`. Never throws for what IAM returns. */
  async revoke(name: string | undefined, signal: AbortSignal): Promise<RevocationResult> {
    const profile = this.get(name);
    const entry = this.getEntry(profile.name);
    const tokenProfiles = [profile, ...this.#derived.listImpersonated(profile)];
    const keyProfiles = this.#derived.listAwsKeys(profile);
    return revoke(this.#parts, profile.name, tokenProfiles, keyProfiles, entry, signal);
  }

  async logout(profileName?: string): Promise<string> {
    const { log, slots, trust } = this.#parts;
    const { name } = this.get(profileName);
    const slot = await slots.removeProfile(name);
    // A rename may have given the name to another profile.
    const profile = this.#running.remove(name);
    slots.unstored.remove(name);
    trust.forget(name);
    const problem = createLoginRequired(credentialMissingMessage);
    this.#derived.removeAll(profile, problem);
    profile.removeCredential(problem);
    profile.stop();
    // A logout is no reason for a prompt. What the store keeps is removed later.
    await slots.discard(slot, 'background');
    // A store that failed before may have recovered.
    void this.#leftovers.run();
    log.write('info', 'logged out', { profile: name });
    return name;
  }

  /**
   * Drops all secrets from memory and refuses all tokens until `unlock`, also after a restart. Pending requests are
   * rejected at once. `problem`: why the lock does not survive a restart.
   */
  async lock(): Promise<{ readonly outcome: LockResult['outcome']; readonly problem: Problem | null }> {
    const { announce, log, trust } = this.#parts;
    const wasLocked = this.isLocked;
    trust.forget();
    const locking = this.#lock.lock();
    this.#parts.slots.unstored.drop('locked', log);
    for (const profile of this.#running.list()) {
      this.#derived.removeAll(profile, daemonLocked);
      profile.removeCredential(daemonLocked);
      if (!wasLocked) announce('locked', profile);
    }
    log.write('info', 'locked');
    const outcome = await locking;
    const { problem } = this.#lock;
    if (problem !== null) log.write('warn', problem.message);
    return { outcome, problem };
  }

  /**
   * Opens the store and loads what it did not give before. A passphrase that opened it also confirms the certificates that
   * are trusted now.
   * @throws IamTokenError the problems of the store, or of the first profile that it still gives no credential
   */
  async unlock(passphrase: Secret | null): Promise<UnlockResult['outcome']> {
    const wasClosed = this.#loader.listClosed().length > 0;
    const [storeState, outcome] = await Promise.all([this.getStoreState(), this.#lock.unlock(passphrase)]);
    this.#parts.log.write('info', 'unlocked', { outcome });
    // A store that was open took no passphrase, and confirms nothing: any program of this user can call this.
    const isTrustConfirmed = storeState.kind === 'closed' && storeState.passphrase === 'needed';
    await this.#loader.loadClosed('interactive', isTrustConfirmed);
    await this.#parts.slots.unstored.storeAll();
    await this.#leftovers.runWithUser();
    void this.keys.cleanUp();
    const [closedProfile] = this.#loader.listClosed();
    if (closedProfile?.state.phase.kind === 'no_credential')
      throw new IamTokenError(closedProfile.state.phase.problem);
    // Then the store was open, but the user was asked for its items.
    const wasAsked = outcome === 'was_open' && wasClosed && (await this.#parts.slots.requiresConfirmation());
    return wasAsked ? 'opened' : outcome;
  }

  /** Asks only for the items of profiles that have no credential in memory. */
  #unlockStore(passphrase: Secret | null): Promise<void> {
    const { slots, store } = this.#parts;
    const closed = slots.listKeys(this.#loader.listClosed().map(({ name }) => this.getEntry(name).slot));
    const accessKeys = [...closed.credentials, ...closed.tokens];
    return store.unlock(passphrase, slots.listKeys().credentials, accessKeys);
  }

  /** After a change of the configuration. */
  async recheckTrust(): Promise<void> {
    const rejectedProfiles = await this.#parts.trust.recheck();
    await this.#loader.loadAgain(rejectedProfiles);
  }

  #rejectCredential(name: string, problem: Problem): void {
    const profile = this.#running.get(name);
    this.#parts.log.write('warn', `the credential is not used: ${problem.message}`, { profile: name });
    this.#derived.removeAll(profile, problem);
    profile.removeCredential(problem);
  }

  /** After a change of the schedule. */
  reschedule(): void {
    for (const profile of this.#running.list()) profile.reschedule();
  }

  /** Resolves when the last token is stored. */
  async stop(): Promise<void> {
    this.#leftovers.stop();
    this.#loader.stop();
    this.#logins.stop();
    this.keys.stop();
    this.#derived.stop();
    this.#parts.slots.unstored.drop('stopping', this.#parts.log);
    await this.#running.stop();
  }
}
