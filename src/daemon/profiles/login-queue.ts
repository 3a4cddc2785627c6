import { IamTokenError } from '../../shared/errors.ts';
import { type DaemonLock, daemonLocked } from '../daemon-lock.ts';
import type { CredentialLoader } from './credential-loader.ts';
import type { DerivedProfiles } from '../derived/derived-profiles.ts';
import {
  type CredentialLoginParams,
  type LoginParts,
  type ReadCredential,
  type VerifiedLogin,
  verifyCredential,
} from './login.ts';
import { credentialReplaced } from './profile-problems.ts';
import type { Profile } from './profile.ts';
import type { RunningProfiles } from './running-profiles.ts';

export interface LoginQueueParts extends LoginParts {
  readonly profiles: RunningProfiles;
  readonly derived: DerivedProfiles;
  readonly loader: CredentialLoader;
  readonly lock: DaemonLock;
}

export type CommittedCredential = Pick<VerifiedLogin, 'source' | 'anchors' | 'exchangeResult' | 'startedAt'>;

export interface CompletedLogin extends Pick<VerifiedLogin, 'inherited'> {
  readonly profile: Profile;
}

/** Runs logins: those of one profile one at a time, those of different profiles side by side. */
export class LoginQueue {
  readonly #parts: LoginQueueParts;
  readonly #stopController = new AbortController();
  /** By profile: resolves when its last login has ended. */
  readonly #lastLogins = new Map<string, Promise<void>>();

  constructor(parts: LoginQueueParts) {
    this.#parts = parts;
  }

  /**
   * @param signal cancels the login until it is committed, as `lock` and `stop` do
   * @throws IamTokenError as `verifyCredential` does; `locked`
   */
  login(
    params: CredentialLoginParams,
    signal: AbortSignal,
    readCredential?: ReadCredential,
  ): Promise<CompletedLogin> {
    const { lock, registry } = this.#parts;
    const lockSignal = lock.signal;
    const anySignal = AbortSignal.any([signal, this.#stopController.signal, lockSignal]);
    const name = params.profile ?? registry.current.default ?? 'default';
    return this.runInTurn([name], () => this.#run(name, params, anySignal, lockSignal, readCredential));
  }

  /**
   * Uses a credential that has been committed.
   * @param lockSignal from before the commit
   * @throws IamTokenError `locked`: the next `unlock` loads it
   */
  async useCommitted(
    profile: Profile,
    { source, anchors, exchangeResult, startedAt }: CommittedCredential,
    lockSignal: AbortSignal,
  ): Promise<void> {
    const { derived, trust } = this.#parts;
    if (lockSignal.aborted) await this.#rejectLocked(profile);
    trust.accept(profile.name, anchors);
    profile.completeLogin(source, exchangeResult, startedAt);
    derived.removeAll(profile, credentialReplaced);
  }

  /** Runs a change of profiles while no login to them runs. */
  runInTurn<T>(names: readonly string[], action: () => Promise<T>): Promise<T> {
    const result = Promise.all(names.flatMap((name) => this.#lastLogins.get(name) ?? [])).then(action);
    const ended = result.then(
      () => undefined,
      () => undefined,
    );
    for (const name of names) {
      this.#lastLogins.set(name, ended);
      void ended.then(() => this.#lastLogins.get(name) === ended && this.#lastLogins.delete(name));
    }
    return result;
  }

  stop(): void {
    this.#stopController.abort();
  }

  async #run(
    name: string,
    params: CredentialLoginParams,
    signal: AbortSignal,
    lockSignal: AbortSignal,
    readCredential?: ReadCredential,
  ): Promise<CompletedLogin> {
    const { clock, log, profiles, slots } = this.#parts;
    const verifiedLogin = await this.#verify(name, params, signal, lockSignal, readCredential);
    const { exchangeResult, startedAt, replacedSlot, inherited } = verifiedLogin;
    const profile = profiles.getOrStart(name);
    await this.useCommitted(profile, verifiedLogin, lockSignal);
    slots.unstored.remove(name);
    await slots.unstored.storeAll();
    if (replacedSlot !== null) await slots.discard(replacedSlot, 'interactive');
    const tookMs = Math.round(clock.now().monotonicMs - startedAt.monotonicMs);
    const { subject } = exchangeResult;
    log.write('info', 'logged in', { profile: name, kind: params.kind, subject, tookMs });
    return { profile, inherited };
  }

  async #verify(
    name: string,
    params: CredentialLoginParams,
    signal: AbortSignal,
    lockSignal: AbortSignal,
    readCredential?: ReadCredential,
  ): Promise<VerifiedLogin> {
    const { profiles } = this.#parts;
    try {
      return await verifyCredential(this.#parts, profiles.refOf(name), params, signal, readCredential);
    } catch (error) {
      profiles.releaseRef(name);
      throw lockSignal.aborted ? new IamTokenError(daemonLocked, { cause: error }) : error;
    }
  }

  /** The next `unlock` loads the credential. If that has passed already, it is loaded here. */
  async #rejectLocked(profile: Profile): Promise<never> {
    const { loader, lock } = this.#parts;
    profile.removeCredential(daemonLocked);
    if (!lock.isLocked) await loader.load(profile);
    throw new IamTokenError(daemonLocked);
  }
}
