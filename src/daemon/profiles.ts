import type { CredentialStore, Manner } from '../keychain/credential-store.ts';
import type { LockAnswer, LoginParams, UnlockAnswer } from '../protocol/messages.ts';
import type { Alarm } from '../shared/clock.ts';
import { type Problem, ProblemError, problemOf } from '../shared/errors.ts';
import type { Secret } from '../shared/secret.ts';
import { hasLivingToken } from '../token/outlook.ts';
import type { StoredCredential } from './credential-slots.ts';
import { DaemonLock, daemonLocked } from './daemon-lock.ts';
import { Impersonations } from './impersonations.ts';
import { confirmCredential, type LoginParts } from './login.ts';
import { Profile, type ProfileParts } from './profile.ts';
import {
  codeIfClosed,
  loggedInAnew,
  loginRequired,
  mayOpenByItself,
  withProfile,
  notFound,
  nothingStored,
  storedForAnother,
} from './profile-problems.ts';
import type { ProfileEntry, Registry } from './profile-registry.ts';
import { liveSource } from './renewed-credential.ts';
import { type Revocation, revoke } from './revocation.ts';

/** A store that did not open is asked again this often, without a word to the person. */
const reopenIntervalMs = 30_000;
/** And at most this often when requests ask for it. */
const reopenAtMostEveryMs = 5_000;

export interface ProfilesParts extends LoginParts, Pick<ProfileParts, 'nextScheduledAfter' | 'announce'> {
  readonly store: Pick<CredentialStore, 'state' | 'lock' | 'unlock'>;
}

/** All profiles of this daemon: who there is, and how one comes and goes. */
export class Profiles {
  readonly #parts: ProfilesParts;
  readonly #running = new Map<string, Profile>();
  readonly #reopening: Alarm;
  readonly #impersonations: Impersonations;
  readonly #lock: DaemonLock;
  readonly #stopping = new AbortController();
  #logins: Promise<unknown> = Promise.resolve();
  /** The store takes one write after the other, so the last one ends last. */
  #keeping: Promise<unknown> = Promise.resolve();
  #lastReopenMs = -Infinity;

  constructor(parts: ProfilesParts) {
    this.#parts = parts;
    this.#lock = new DaemonLock(parts.registry, parts.store);
    this.#impersonations = new Impersonations(parts);
    this.#reopening = parts.clock.alarm(() => this.#reopenAll());
    for (const name of Object.keys(parts.registry.current().profiles)) this.#run(name);
  }

  get registry(): Registry {
    return this.#parts.registry.current();
  }

  get isLocked(): boolean {
    return this.#lock.isLocked;
  }

  /** Reads the store for every profile, and removes slots that a killed login left behind. */
  async load(): Promise<void> {
    const { clock, log, slots } = this.#parts;
    if (this.isLocked) {
      for (const profile of this.#running.values()) profile.missing(daemonLocked);
      log.write('info', 'locked until somebody unlocks it');
      return;
    }
    const startedMs = clock.now().monotonicMs;
    // All at once: a store that does not answer lets nobody wait for those before him.
    await Promise.all([...this.#running.keys()].map((name) => this.#loadOne(name)));
    const tookMs = Math.round(clock.now().monotonicMs - startedMs);
    log.write('info', 'read the store', { profiles: this.#running.size, tookMs });
    await slots.discardLeftovers();
  }

  /**
   * @param name the default profile unless given
   * @throws ProblemError `unknown_profile`, or `login_required` when there is no profile at all
   */
  named(name?: string): Profile {
    const wanted = name ?? this.registry.default;
    const found = wanted === null ? undefined : this.#running.get(wanted);
    if (found !== undefined) return found;
    throw new ProblemError(notFound(wanted, this.#running.size === 0));
  }

  /** As `named`, and `locked` while the daemon is; a profile whose store did not open is looked at once more first. */
  ready(name?: string): Profile {
    this.#lock.refuse();
    const profile = this.named(name);
    if (
      mayOpenByItself(profile.state) &&
      this.#parts.clock.now().monotonicMs - this.#lastReopenMs >= reopenAtMostEveryMs
    ) {
      this.#reopenAll();
    }
    return profile;
  }

  /** One at a time, until `signal` aborts or the daemon stops or is locked; see `login.ts`. */
  async login(params: LoginParams, signal: AbortSignal): Promise<Profile> {
    this.#lock.refuse();
    const locked = this.#lock.signal;
    const either = AbortSignal.any([signal, this.#stopping.signal, locked]);
    const done = this.#logins.then(() => this.#loginNow(params, either, locked));
    this.#logins = done.catch(() => undefined);
    return done;
  }

  async #loginNow(params: LoginParams, signal: AbortSignal, locked: AbortSignal): Promise<Profile> {
    const { clock, log, slots } = this.#parts;
    const name = params.profile ?? this.registry.default ?? 'default';
    const confirmed = await confirmCredential(this.#parts, name, params, signal).catch((error: unknown) => {
      throw locked.aborted ? new ProblemError(daemonLocked, { cause: error }) : error;
    });
    const { source, exchanged, startedAt, replacedSlot } = confirmed;
    const profile = this.#running.get(name) ?? this.#run(name);
    if (locked.aborted) {
      // It is live already, and `unlock` reads it; unless that was quicker.
      profile.missing(daemonLocked);
      if (!this.isLocked) await this.#loadOne(name);
      throw new ProblemError(daemonLocked);
    }
    profile.loggedIn(source, exchanged, startedAt);
    this.#impersonations.forget(profile, loggedInAnew);
    if (replacedSlot !== null) await slots.discard(replacedSlot, 'asked');
    const tookMs = Math.round(clock.now().monotonicMs - startedAt.monotonicMs);
    log.write('info', 'logged in', {
      profile: name,
      kind: params.kind,
      subject: exchanged.subject,
      tookMs,
    });
    return profile;
  }

  /** @throws ProblemError `login_required` for a profile that has just gone */
  entryOf(name: string): ProfileEntry {
    const entry = this.registry.profiles[name];
    if (entry === undefined) throw new ProblemError(this.#loginRequired(name, nothingStored));
    return entry;
  }

  /** The token of a service account as which a profile may act; `awsKeys`: keys of its own account. */
  acting(name: string | undefined, serviceAccountId: string | null): Profile {
    const profile = this.ready(name);
    return this.#impersonations.of(profile, serviceAccountId, this.entryOf(profile.name));
  }

  /** What a person should know of a profile while all is well; `null` when there is nothing. */
  notice(name: string, { kind }: ProfileEntry): string | null {
    const { kindOf, tools } = this.#parts;
    const notice = kindOf(kind)?.notice?.(tools) ?? null;
    return notice === null ? null : withProfile(notice, name, this.registry.default === name);
  }

  /** Somebody asked for a renewal: what was refused by way of this profile may be granted by now. */
  retryImpersonations(profile: Profile): void {
    this.#impersonations.retry(profile);
  }

  /** Its IAM tokens end, as far as IAM can be reached before `signal` aborts; to be followed by `logout`. */
  async revoke(name: string | undefined, signal: AbortSignal): Promise<Revocation> {
    const profile = this.named(name);
    const entry = this.entryOf(profile.name);
    const { tokens, keys } = this.#impersonations.runnersOf(profile);
    return revoke(this.#parts, [profile, ...tokens], keys, entry, signal);
  }

  async logout(name?: string): Promise<string> {
    const profile = this.named(name);
    const slot = await this.#parts.slots.giveUp(profile.name);
    this.#running.delete(profile.name);
    const problem = this.#loginRequired(profile.name, nothingStored);
    this.#impersonations.forget(profile, problem);
    profile.missing(problem);
    profile.stop();
    // Unasked: to forget is no reason for a prompt. What a locked store keeps goes at the next start.
    if (slot !== null) await this.#parts.slots.discard(slot, 'unasked');
    // What the store did not give up, now or at a failed login, it may give up once it answers again.
    void this.#parts.slots.discardLeftovers();
    this.#parts.log.write('info', 'logged out', { profile: profile.name });
    return profile.name;
  }

  async use(name: string): Promise<string> {
    const profile = this.named(name);
    await this.#parts.registry.change((registry) => ({ ...registry, default: profile.name }));
    this.#parts.log.write('info', 'the default profile is another', { profile: profile.name });
    return profile.name;
  }

  /**
   * Forgets all secrets and refuses all tokens until `unlock`, after a restart too. Those who wait are refused at once.
   * @throws ProblemError `internal` when a restart would not find it locked
   */
  async lock(): Promise<LockAnswer['outcome']> {
    const { announce, log } = this.#parts;
    const wasLocked = this.isLocked;
    const done = this.#lock.lock();
    for (const profile of this.#running.values()) {
      this.#impersonations.forget(profile, daemonLocked);
      profile.missing(daemonLocked);
      if (!wasLocked) announce('locked', profile);
    }
    log.write('info', 'locked');
    return done;
  }

  /**
   * Opens the store, and reads it again for all who had nothing from it.
   * @throws ProblemError as the store does; then nothing has changed
   */
  async unlock(passphrase: Secret | null): Promise<UnlockAnswer['outcome']> {
    const outcome = await this.#lock.unlock(passphrase);
    this.#parts.log.write('info', 'unlocked', { outcome });
    const closed = [...this.#running.values()].filter((profile) => codeIfClosed(profile.state) !== null);
    await Promise.all(closed.map(({ name }) => this.#loadOne(name, 'asked')));
    void this.#parts.slots.discardLeftovers();
    return outcome;
  }

  /** The schedule has changed. */
  replan(): void {
    for (const profile of this.#running.values()) profile.replan();
  }

  /** Resolves when the last token is kept. */
  async stop(): Promise<void> {
    this.#reopening.cancel();
    this.#stopping.abort();
    this.#impersonations.stop();
    for (const profile of this.#running.values()) profile.stop();
    await this.#keeping;
  }

  #run(name: string): Profile {
    const { log, announce, slots } = this.#parts;
    const profile = new Profile({
      ...this.#parts,
      name,
      announce: (event, of) => {
        if (event === 'rotated') this.#impersonations.retry(of);
        announce(event, of);
      },
      keep: (kept) => {
        const slot = this.registry.profiles[name]?.slot;
        if (slot === undefined) return;
        this.#keeping = slots.writeToken(slot, kept).catch((error: unknown) => {
          log.write('debug', `the token was not kept: ${problemOf(error).message}`, { profile: name });
        });
      },
    });
    this.#running.set(name, profile);
    return profile;
  }

  async #loadOne(name: string, manner: Manner = 'unasked'): Promise<void> {
    const { announce, clock, log, slots, kindOf } = this.#parts;
    const profile = this.#running.get(name);
    const entry = this.registry.profiles[name];
    if (profile === undefined || entry === undefined) return;
    const before = codeIfClosed(profile.state);
    profile.loading();
    const locked = this.#lock.signal;
    const isReplaced = (): boolean => locked.aborted || this.registry.profiles[name]?.slot !== entry.slot;
    try {
      const stored = await slots.readCredential(entry.slot, manner);
      if (isReplaced()) return;
      const kept = await slots.readToken(entry.slot, manner);
      const kind = kindOf(entry.kind);
      if (isReplaced()) return;
      if (stored === null || kind === null || !isConfirmedFor(stored, entry)) {
        profile.missing(this.#loginRequired(name, stored === null ? nothingStored : storedForAnother));
        return;
      }
      profile.found(liveSource(this.#parts, name, kind, stored.credential, entry), kept);
      if (before !== null && hasLivingToken(profile.state, clock.now())) announce('rotated', profile);
    } catch (error) {
      if (isReplaced()) return;
      const { code, message, ...rest } = problemOf(error);
      profile.missing(
        code === 'login_required' ? this.#loginRequired(name, message) : { code, message, ...rest },
      );
      this.#reopening.set(clock.now().monotonicMs + reopenIntervalMs);
      // Said once, and not every 30 s for as long as it lasts.
      if (code === before) return;
      log.write('warn', `the credential cannot be read: ${message}`, { profile: name, code });
      if (codeIfClosed(profile.state) !== null) announce('locked', profile);
    }
  }

  #reopenAll(): void {
    this.#lastReopenMs = this.#parts.clock.now().monotonicMs;
    for (const [name, profile] of this.#running) {
      if (mayOpenByItself(profile.state)) void this.#loadOne(name);
    }
  }

  #loginRequired(name: string, message: string): Problem {
    return loginRequired(name, name === this.registry.default, message);
  }
}

function isConfirmedFor(stored: StoredCredential, entry: ProfileEntry): boolean {
  return (
    stored.kind === entry.kind && stored.endpoint === entry.endpoint && stored.audience === entry.audience
  );
}
