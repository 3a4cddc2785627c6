import type { Secret } from '../../src/shared/secret.ts';
import { Profile } from '../../src/daemon/profiles/profile.ts';
import type { Instant } from '../../src/shared/clock.ts';
import { formatHint } from '../../src/shared/hint.ts';
import type { Log } from '../../src/shared/log.ts';
import type { PersistedToken } from '../../src/token/token.ts';
import type { IamTokenSource, IssuedToken } from '../../src/token/token-source.ts';
import type { Setting } from './plan.ts';
import { exchangeGraceMs, type Invariants } from './invariants.ts';
import { exchangeTimeoutMs, type SimulatedIam } from './simulated-iam.ts';
import { SimulatedClock, type SimulatedTime } from './simulated-time.ts';

const silentLog: Log = { write: () => undefined };

export interface SimulatedDaemonParts {
  readonly setting: Setting;
  readonly time: SimulatedTime;
  readonly iam: SimulatedIam;
  readonly invariants: Invariants;
  readonly random: () => number;
  /** An exchange has ended: promises must be flushed before the next event. */
  readonly onSettled: () => void;
  readonly onCredentialLoaded: () => void;
}

/** A daemon and its restarts, with one profile that the real `Profile` runs. */
export class SimulatedDaemon {
  /** `null` while the daemon is down, or not logged in. */
  profile: Profile | null = null;
  clock: SimulatedClock;
  isDown = false;
  /** Whether the store is being read, or is locked. */
  isLoading = false;
  isLoggedIn = true;
  readonly #parts: SimulatedDaemonParts;
  #persistedToken: PersistedToken<Secret> | null = null;
  #nextFiringMs = Infinity;

  constructor(parts: SimulatedDaemonParts) {
    this.#parts = parts;
    this.clock = new SimulatedClock(parts.time, parts.random);
  }

  start(loadDelayMs: number, lockDurationMs: number): void {
    const { time, random, invariants } = this.#parts;
    this.isDown = false;
    this.clock = new SimulatedClock(time, random);
    invariants.recordProcessStart();
    if (this.isLoggedIn) this.#loadCredential(this.#createProfile(), loadDelayMs, lockDurationMs);
  }

  stop(): void {
    this.profile?.stop();
    this.#parts.invariants.assertNoActiveExchange('a stop');
    this.kill();
  }

  kill(): void {
    this.profile = null;
    this.isDown = true;
    this.clock = new SimulatedClock(this.#parts.time, this.#parts.random);
  }

  /** @param startedAt of the exchange that verified the new credential */
  logIn(credential: number, issuedToken: IssuedToken<Secret>, startedAt: Instant): void {
    const { iam, invariants } = this.#parts;
    iam.credential = credential;
    this.#persistedToken = null;
    this.isLoggedIn = true;
    this.isLoading = false;
    if (this.profile === null) invariants.recordProcessStart();
    const profile = this.profile ?? this.#createProfile();
    invariants.recordLogin();
    invariants.note(`logged in with ${issuedToken.value.expose()}`);
    invariants.allowRecovery(exchangeTimeoutMs + exchangeGraceMs);
    profile.completeLogin(this.#openSource(), issuedToken, startedAt);
    invariants.assertNoActiveExchange('a login');
  }

  logOut(): void {
    const { profile } = this;
    this.profile = null;
    this.isLoggedIn = false;
    this.#persistedToken = null;
    profile?.removeCredential({ code: 'login_required', message: 'no credential' });
    profile?.stop();
    this.#parts.invariants.assertNoActiveExchange('a logout');
  }

  #createProfile(): Profile {
    const { setting, random } = this.#parts;
    this.#nextFiringMs = Infinity;
    this.profile = new Profile({
      name: 'default',
      clock: this.clock,
      log: silentLog,
      formatHint: (hint) => formatHint(hint),
      getNextScheduledMs: (_profile, afterMs) => this.#nextScheduledAfter(afterMs),
      persistToken: (persistedToken) => {
        if (setting.persistsTokens || random() < 0.5) this.#persistedToken = persistedToken;
      },
      announce: () => undefined,
    });
    return this.profile;
  }

  #nextScheduledAfter(afterMs: number): number | null {
    const { scheduleMs } = this.#parts.setting;
    if (scheduleMs === null) return null;
    if (afterMs >= this.#nextFiringMs) this.#parts.invariants.recordScheduleFiring();
    this.#nextFiringMs = (Math.floor(afterMs / scheduleMs) + 1) * scheduleMs;
    return this.#nextFiringMs;
  }

  /** As in `src/daemon/profiles/profiles.ts`. */
  #loadCredential(profile: Profile, loadDelayMs: number, lockDurationMs: number): void {
    const { time, invariants, onCredentialLoaded } = this.#parts;
    this.isLoading = true;
    time.schedule(loadDelayMs, () => {
      if (this.profile !== profile || profile.state.phase.kind !== 'loading') return;
      if (lockDurationMs > 0) {
        this.#startLocked(profile, loadDelayMs, lockDurationMs);
        return;
      }
      this.isLoading = false;
      invariants.note(
        `loaded the credential and ${this.#persistedToken?.token.value.expose() ?? 'no token'}`,
      );
      invariants.allowRecovery(exchangeTimeoutMs + exchangeGraceMs);
      profile.setCredential(this.#openSource(), this.#persistedToken);
      onCredentialLoaded();
    });
  }

  #startLocked(profile: Profile, loadDelayMs: number, lockDurationMs: number): void {
    profile.removeCredential({ code: 'keychain_locked', message: 'the keychain is locked' });
    this.#parts.time.schedule(lockDurationMs, () => {
      if (this.profile !== profile || profile.state.phase.kind !== 'no_credential') return;
      profile.beginLoading();
      this.#loadCredential(profile, loadDelayMs, 0);
    });
  }

  #openSource(): IamTokenSource {
    const { iam, invariants, onSettled } = this.#parts;
    const { clock } = this;
    const observer = {
      onStart: (interactive: boolean, signal: AbortSignal): void => {
        const trigger = interactive ? 'user' : this.profile?.state.attempts.at(-1)?.trigger;
        invariants.recordExchangeStart(trigger ?? 'renewal', signal);
      },
      onProbe: (answer: string | null): boolean => {
        if (this.clock !== clock) return false;
        // The answer is dropped during an exchange.
        if (this.profile?.state.phase.kind !== 'exchanging') invariants.recordProbe(answer);
        return true;
      },
      onEnd: (...args: Parameters<Invariants['recordExchangeEnd']>): void => {
        if (this.clock === clock) invariants.recordExchangeEnd(...args);
      },
    };
    return iam.openSource(clock, iam.credential, observer, onSettled);
  }
}
