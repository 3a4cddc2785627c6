import { Profile } from '../../src/daemon/profile.ts';
import type { Instant } from '../../src/shared/clock.ts';
import type { Log } from '../../src/shared/log.ts';
import type { KeptToken } from '../../src/token/iam-token.ts';
import type { Exchanged } from '../../src/token/ports.ts';
import type { Setting } from './plan.ts';
import { exchangeGraceMs, type Promises } from './promises.ts';
import { exchangeTimeoutMs, type SimulatedIam } from './simulated-iam.ts';
import { SimulatedClock, type SimulatedTime } from './simulated-time.ts';

const silent: Log = { write: () => undefined };

export interface SimulatedDaemonParts {
  readonly setting: Setting;
  readonly time: SimulatedTime;
  readonly iam: SimulatedIam;
  readonly promises: Promises;
  readonly random: () => number;
  /** A promise of the runner was settled: what hangs on it goes on before anything else happens. */
  readonly settled: () => void;
  /** The store was read, and clients will ask. */
  readonly found: () => void;
}

/** The processes of one daemon, one after the other, with the real runner of its one profile. */
export class SimulatedDaemon {
  /** `null` while the daemon is down, or nobody is logged in. */
  profile: Profile | null = null;
  clock: SimulatedClock;
  isDown = false;
  /** The store is being read, or is locked. */
  isReading = false;
  isLoggedIn = true;
  readonly #parts: SimulatedDaemonParts;
  #kept: KeptToken | null = null;
  #plannedMs = Infinity;

  constructor(parts: SimulatedDaemonParts) {
    this.#parts = parts;
    this.clock = new SimulatedClock(parts.time, parts.random);
  }

  start(readingMs: number, lockedMs: number): void {
    const { time, random, promises } = this.#parts;
    this.isDown = false;
    this.clock = new SimulatedClock(time, random);
    promises.processStarted();
    if (this.isLoggedIn) this.#read(this.#newProfile(), readingMs, lockedMs);
  }

  /** In order: everybody who waits is told. */
  stop(): void {
    this.profile?.stop();
    this.#parts.promises.nothingRuns('a stop');
    this.kill();
  }

  kill(): void {
    this.profile = null;
    this.isDown = true;
    this.clock = new SimulatedClock(this.#parts.time, this.#parts.random);
  }

  /** The new credential was confirmed by an exchange that began at `startedAt`. */
  logIn(credential: number, exchanged: Exchanged, startedAt: Instant): void {
    const { iam, promises } = this.#parts;
    iam.credential = credential;
    this.#kept = null;
    this.isLoggedIn = true;
    this.isReading = false;
    if (this.profile === null) promises.processStarted();
    const profile = this.profile ?? this.#newProfile();
    promises.loggedIn();
    promises.note(`logged in: ${exchanged.token.expose()}`);
    promises.disturbed(exchangeTimeoutMs + exchangeGraceMs);
    profile.loggedIn(this.#source(), exchanged, startedAt);
    promises.nothingRuns('a login');
  }

  logOut(): void {
    const { profile } = this;
    this.profile = null;
    this.isLoggedIn = false;
    this.#kept = null;
    profile?.missing({ code: 'login_required', message: 'there is no credential' });
    profile?.stop();
    this.#parts.promises.nothingRuns('a logout');
  }

  #newProfile(): Profile {
    const { setting, random } = this.#parts;
    this.#plannedMs = Infinity;
    this.profile = new Profile({
      name: 'default',
      clock: this.clock,
      log: silent,
      nextScheduledAfter: (_profile, afterMs) => this.#nextScheduledAfter(afterMs),
      keep: (kept) => {
        if (setting.keeps || random() < 0.5) this.#kept = kept;
      },
      announce: () => undefined,
    });
    return this.profile;
  }

  #nextScheduledAfter(afterMs: number): number | null {
    const { scheduleMs } = this.#parts.setting;
    if (scheduleMs === null) return null;
    if (afterMs >= this.#plannedMs) this.#parts.promises.scheduleFired();
    this.#plannedMs = (Math.floor(afterMs / scheduleMs) + 1) * scheduleMs;
    return this.#plannedMs;
  }

  /** As `src/daemon/profiles.ts` does it. */
  #read(profile: Profile, readingMs: number, lockedMs: number): void {
    const { time, promises, found } = this.#parts;
    this.isReading = true;
    time.in(readingMs, () => {
      if (this.profile !== profile || profile.state.phase.kind !== 'loading') return;
      if (lockedMs > 0) {
        this.#lock(profile, readingMs, lockedMs);
        return;
      }
      this.isReading = false;
      promises.note(`the credential is found, and ${this.#kept?.token.value.expose() ?? 'no token'}`);
      promises.disturbed(exchangeTimeoutMs + exchangeGraceMs);
      profile.found(this.#source(), this.#kept);
      found();
    });
  }

  #lock(profile: Profile, readingMs: number, lockedMs: number): void {
    profile.missing({ code: 'keychain_locked', message: 'the keychain is locked' });
    this.#parts.time.in(lockedMs, () => {
      if (this.profile !== profile || profile.state.phase.kind !== 'without_credential') return;
      profile.loading();
      this.#read(profile, readingMs, 0);
    });
  }

  #source(): ReturnType<SimulatedIam['source']> {
    const { iam, promises, settled } = this.#parts;
    const { clock } = this;
    const witness = {
      began: (interactive: boolean, signal: AbortSignal): void => {
        const cause = interactive ? 'person' : this.profile?.state.attempts.at(-1)?.cause;
        promises.exchangeBegan(cause ?? 'due', signal);
      },
      ended: (...how: Parameters<Promises['exchangeEnded']>): void => {
        if (this.clock === clock) promises.exchangeEnded(...how);
      },
    };
    return iam.source(clock, iam.credential, witness, settled);
  }
}
