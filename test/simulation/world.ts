import { Profile } from '../../src/daemon/profile.ts';
import type { Log } from '../../src/shared/log.ts';
import type { IamToken } from '../../src/token/iam-token.ts';
import { hour, minute, second } from '../support/durations.ts';
import type { Incident, Plan } from './plan.ts';
import { type BrokenPromise, Promises } from './promises.ts';
import { randomFrom } from './random.ts';
import { exchangeTimeoutMs, SimulatedIam, slowestAnswerMs, type Witness } from './simulated-iam.ts';
import { SimulatedClock, SimulatedTime } from './simulated-time.ts';

const startMs = Date.UTC(2026, 10, 24);
/** The timer looks at least so often whether the clocks parted. */
const noticedWithinMs = 30 * second;
const exchangeGraceMs = slowestAnswerMs + second + slowestAnswerMs;
/** After an outage the backoff without a token is 5 minutes at most. */
const backoffGraceMs = 5 * minute + exchangeTimeoutMs + exchangeGraceMs;
const wakingGraceMs = noticedWithinMs + exchangeTimeoutMs + second + exchangeGraceMs;
/** The store is read, then one exchange ends. */
const requestDeadlineMs = 5 * second + exchangeTimeoutMs + second;
/** No alarm rings this often in the same millisecond. */
const ringsAtMost = 50;

export interface Outcome {
  readonly broken: BrokenPromise | null;
  readonly served: number;
  readonly expiredServed: number;
  readonly requests: number;
  readonly exchanges: number;
}

interface Open {
  readonly deadlineAwakeMs: number;
  readonly what: string;
}

const silent: Log = { write: () => undefined };
const unwitnessed: Witness = { began: () => undefined, ended: () => undefined };

/** Lives through a plan, from happening to happening, with the real profile runner and lifecycle. */
export async function simulate(plan: Plan): Promise<Outcome> {
  const world = new World(plan);
  await world.live();
  return world.outcome;
}

class World {
  readonly #plan: Plan;
  readonly #random: () => number;
  readonly #time: SimulatedTime;
  readonly #iam: SimulatedIam;
  readonly #promises: Promises;
  #clock: SimulatedClock;
  /** `null` while the daemon is down, or nobody is logged in. */
  #profile: Profile | null = null;
  #isDown = false;
  #isReading = false;
  #isLoggedIn = true;
  #kept: { readonly token: IamToken; readonly clockOffsetMs: number } | null = null;
  #plannedMs = Infinity;
  #clockWasAlwaysRight: boolean;
  #outages = 0;
  #requests = 0;
  readonly #open = new Set<Open>();
  #isSettling = false;

  constructor(plan: Plan) {
    const { setting } = plan;
    this.#plan = plan;
    this.#random = randomFrom(setting.seed);
    this.#time = new SimulatedTime(startMs, setting.monotonicSleeps);
    this.#time.wallErrorMs = setting.clockErrorMs;
    this.#clockWasAlwaysRight = setting.clockErrorMs === 0;
    this.#iam = new SimulatedIam(this.#time, setting, this.#random);
    this.#promises = new Promises(this.#time);
    this.#clock = new SimulatedClock(this.#time, this.#random);
    this.#start(second, 0);
    for (const incident of plan.incidents) this.#time.in(incident.atMs, () => this.#happen(incident));
    this.#askSometimes();
  }

  get outcome(): Outcome {
    const { broken, served, expiredServed, exchanges } = this.#promises;
    return { broken, served, expiredServed, exchanges, requests: this.#requests };
  }

  async live(): Promise<void> {
    const endMs = startMs + this.#plan.lastsMs;
    const time = this.#time;
    let rings = 0;
    while (this.#promises.broken === null) {
      const ringMs = this.#clock.nextRingMs;
      const next = Math.min(time.nextMs, ringMs);
      if (next > endMs) return;
      rings = next > time.trueMs ? 0 : rings + 1;
      if (rings > ringsAtMost * 100) this.#promises.break('the alarm rings without an end');
      time.advanceTo(next);
      if (ringMs <= next) this.#clock.ring();
      else time.next();
      if (this.#isSettling) await this.#settle();
      this.#check();
    }
  }

  /** What hangs on a promise of the runner goes on before anything else happens. */
  async #settle(): Promise<void> {
    this.#isSettling = false;
    for (let turn = 0; turn < 8; turn += 1) await null;
  }

  #check(): void {
    for (const open of this.#open) {
      if (this.#time.awakeMs > open.deadlineAwakeMs)
        this.#promises.break(`${open.what} got no answer in time`);
      break;
    }
    if (this.#isInOrder && this.#promises.isCalm) {
      const token = this.#profile?.state.token ?? null;
      this.#promises.livingTokenExpected(
        token === null ? null : this.#iam.known(token.value.expose()).endsMs,
        this.#clockWasAlwaysRight,
      );
    }
  }

  /** Nothing keeps the daemon from a living token. */
  get #isInOrder(): boolean {
    return (
      this.#profile !== null &&
      !this.#isReading &&
      !this.#time.isAsleep &&
      this.#iam.outage === null &&
      this.#iam.refusal === null &&
      (this.#plan.setting.tellsTime || this.#time.wallErrorMs <= 0)
    );
  }

  // --- clients ---------------------------------------------------------------------------------------------

  #askSometimes(): void {
    this.#time.in(-Math.log(1 - this.#random()) * this.#plan.setting.askEveryMs, () => {
      this.#ask(0);
      this.#askSometimes();
    });
  }

  #ask(minTtlMs: number): void {
    const profile = this.#profile;
    if (profile === null || this.#time.isAsleep) return;
    const isCalm = minTtlMs === 0 && this.#isInOrder && this.#promises.isCalm;
    const credential = this.#iam.credential;
    let isAnswered = false;
    const takeBack = this.#request(`a request with a minTtl of ${minTtlMs / second} s`, (settle) =>
      profile.token(minTtlMs, (token) => {
        settle();
        isAnswered = token !== null;
        if (token === null) return;
        const issued = this.#iam.known(token.value.expose());
        this.#promises.tokenServed(issued.endsMs, this.#clockWasAlwaysRight);
        if (issued.endsMs - this.#time.trueMs < minTtlMs - minute && this.#clockWasAlwaysRight) {
          this.#promises.break('a token that is shorter than the minTtl');
        }
        if (issued.credential < credential)
          this.#promises.break('a token of the credential before the login');
      }),
    );
    if (isCalm && !isAnswered)
      this.#promises.break('a request had to wait though IAM could be asked in time');
    if (this.#random() < 0.05) this.#time.in(this.#random() * 10 * second, takeBack);
  }

  #refresh(): void {
    const profile = this.#profile;
    if (profile === null || this.#time.isAsleep) return;
    this.#promises.note('somebody refreshes');
    this.#request('a refresh', (settle) => profile.refresh(settle));
  }

  #request(what: string, ask: (settle: () => void) => () => void): () => void {
    this.#requests += 1;
    const open: Open = { deadlineAwakeMs: this.#time.awakeMs + requestDeadlineMs, what };
    this.#open.add(open);
    const takeBack = ask(() => this.#open.delete(open));
    return () => {
      this.#open.delete(open);
      takeBack();
    };
  }

  // --- the daemon ------------------------------------------------------------------------------------------

  #start(readingMs: number, lockedMs: number): void {
    this.#isDown = false;
    this.#clock = new SimulatedClock(this.#time, this.#random);
    this.#promises.processStarted();
    if (!this.#isLoggedIn) return;
    const profile = this.#newProfile();
    this.#read(profile, readingMs, lockedMs);
  }

  #newProfile(): Profile {
    const profile = new Profile({
      name: 'default',
      clock: this.#clock,
      log: silent,
      nextScheduledAfter: (afterMs) => this.#nextScheduledAfter(afterMs),
      keep: (token, clockOffsetMs) => {
        if (this.#plan.setting.keeps || this.#random() < 0.5) this.#kept = { token, clockOffsetMs };
      },
      announce: () => undefined,
    });
    this.#profile = profile;
    this.#plannedMs = Infinity;
    return profile;
  }

  #read(profile: Profile, readingMs: number, lockedMs: number): void {
    this.#isReading = true;
    this.#time.in(readingMs, () => {
      if (this.#profile !== profile) return;
      if (lockedMs > 0) {
        profile.missing({ code: 'keychain_locked', message: 'the keychain is locked' });
        this.#time.in(lockedMs, () => {
          if (this.#profile !== profile || profile.state.phase.kind !== 'without_credential') return;
          profile.loading();
          this.#read(profile, readingMs, 0);
        });
        return;
      }
      if (profile.state.phase.kind !== 'loading') return;
      this.#isReading = false;
      this.#promises.note(`the credential is found, and ${this.#kept?.token.value.expose() ?? 'no token'}`);
      this.#disturbed(exchangeTimeoutMs + exchangeGraceMs);
      profile.found(this.#source(), this.#kept);
    });
  }

  #source(): ReturnType<SimulatedIam['source']> {
    const clock = this.#clock;
    return this.#iam.source(
      clock,
      this.#iam.credential,
      {
        began: (interactive, signal) => {
          const cause = this.#profile?.state.attempts.at(-1)?.cause;
          const told = interactive ? 'person' : cause === 'min_ttl' ? cause : 'other';
          this.#promises.exchangeBegan(told, signal);
        },
        ended: (outcome, signal) => {
          if (this.#clock === clock) this.#promises.exchangeEnded(outcome, signal);
        },
      },
      () => {
        this.#isSettling = true;
      },
    );
  }

  #nextScheduledAfter(afterMs: number): number | null {
    const { scheduleMs } = this.#plan.setting;
    if (scheduleMs === null) return null;
    if (afterMs >= this.#plannedMs) this.#promises.scheduleFired();
    this.#plannedMs = (Math.floor(afterMs / scheduleMs) + 1) * scheduleMs;
    return this.#plannedMs;
  }

  #disturbed(graceMs: number): void {
    this.#promises.disturbed(graceMs);
    const { scheduleMs } = this.#plan.setting;
    if (this.#promises.waitsForSchedule && scheduleMs !== null) {
      this.#promises.disturbed(scheduleMs + wakingGraceMs);
    }
  }

  // --- incidents -------------------------------------------------------------------------------------------

  #happen(incident: Incident): void {
    switch (incident.kind) {
      case 'sleep':
        this.#onceNoticed(() => this.#sleep(incident.forMs));
        return;
      case 'clock':
        this.#onceNoticed(() => this.#setClock(incident.errorMs));
        return;
      case 'restart':
        this.#onceNoticed(() => this.#restart(incident));
        return;
      case 'outage':
        this.#promises.note(`outage: ${incident.outage} for ${incident.forMs / minute} min`);
        this.#outages += 1;
        this.#iam.outage = incident.outage;
        this.#iam.retryAfterMs = incident.retryAfterMs;
        this.#time.in(incident.forMs, () => this.#endOutage());
        return;
      case 'refusal':
        if (this.#iam.refusal !== null) return;
        this.#promises.note(`refusal: ${incident.refusal}`);
        this.#iam.refusal = incident.refusal;
        this.#time.in(incident.forMs, () => this.#endRefusal());
        return;
      case 'login':
        this.#logIn();
        return;
      case 'logout':
        this.#logOut(incident.forMs);
        return;
      case 'refresh':
        this.#refresh();
        return;
      case 'burst':
        for (let asked = 0; asked < incident.requests; asked += 1) this.#ask(0);
        return;
      case 'polling':
        this.#poll(incident.everyMs, incident.forMs, incident.minTtlMs);
        return;
      default:
        incident satisfies never;
    }
  }

  /** Two jumps that are noticed as one cannot be told apart: see `plan.ts`. */
  #onceNoticed(happen: () => void): void {
    if (this.#time.isAsleep || this.#clock.hasUnnoticedJump || this.#isDown) {
      this.#time.in(noticedWithinMs + second, () => this.#onceNoticed(happen));
    } else {
      happen();
    }
  }

  #sleep(forMs: number): void {
    this.#promises.note(`sleep for ${forMs / minute} min`);
    this.#time.isAsleep = true;
    this.#time.in(forMs, () => {
      this.#promises.note('awake');
      this.#time.isAsleep = false;
      if (this.#time.monotonicSleeps) {
        this.#clock.parted(forMs);
        this.#disturbed(wakingGraceMs);
      } else {
        this.#disturbed(backoffGraceMs);
      }
      this.#iam.woke();
    });
  }

  #setClock(errorMs: number): void {
    const jumpMs = errorMs - this.#time.wallErrorMs;
    if (jumpMs === 0) return;
    this.#promises.note(`the clock is set: now ${errorMs / second} s ahead`);
    this.#clockWasAlwaysRight = false;
    this.#time.wallErrorMs = errorMs;
    this.#clock.parted(jumpMs);
    this.#disturbed(wakingGraceMs);
    if (jumpMs > 0) this.#promises.clockRanAhead();
    if (!this.#plan.setting.tellsTime) this.#disturbed(backoffGraceMs);
  }

  #restart(incident: Extract<Incident, { readonly kind: 'restart' }>): void {
    this.#promises.note(`the daemon is ${incident.manner}`);
    if (incident.manner === 'stopped') {
      this.#profile?.stop();
      if (this.#open.size > 0) this.#promises.break('a request without an answer when the daemon stopped');
    }
    this.#profile = null;
    this.#isDown = true;
    this.#open.clear();
    this.#clock = new SimulatedClock(this.#time, this.#random);
    this.#time.in(incident.downMs, () => {
      if (incident.clock === 'right') this.#time.wallErrorMs = 0;
      if (incident.clock === 'lost') {
        this.#time.wallErrorMs = 5 * minute - this.#time.trueMs;
        this.#clockWasAlwaysRight = false;
      }
      this.#promises.note(`the daemon starts; the clock is ${this.#time.wallErrorMs / second} s ahead`);
      this.#start(incident.readingMs, incident.lockedMs);
    });
  }

  #endOutage(): void {
    this.#outages -= 1;
    if (this.#outages > 0) return;
    this.#promises.note('the outage ends');
    this.#iam.outage = null;
    this.#disturbed(backoffGraceMs);
  }

  #endRefusal(): void {
    if (this.#iam.refusal === 'no_role') {
      this.#promises.note('the role is granted');
      this.#iam.refusal = null;
      this.#disturbed(backoffGraceMs);
      if (this.#plan.setting.scheduleMs === null) this.#refreshAtLast();
    } else {
      this.#logIn();
    }
  }

  /** Without a schedule only a person brings the daemon to ask again. */
  #refreshAtLast(): void {
    if (this.#profile === null || this.#isReading || this.#time.isAsleep) {
      this.#time.in(minute, () => this.#refreshAtLast());
    } else {
      this.#disturbed(backoffGraceMs);
      this.#refresh();
    }
  }

  /** As `src/daemon/login.ts`: an exchange of its own, and then the new credential is at work. Tried until it works. */
  #logIn(): void {
    const isReady = !this.#isDown && !this.#time.isAsleep && this.#iam.outage === null;
    if (!isReady) {
      this.#time.in(10 * minute, () => this.#logIn());
      return;
    }
    this.#promises.note('somebody logs in');
    const clock = this.#clock;
    const credential = this.#iam.credential + 1;
    const settled = (): void => {
      this.#isSettling = true;
    };
    const confirming = this.#iam.source(clock, credential, unwitnessed, settled);
    const startedAt = clock.now();
    void confirming.exchange(new AbortController().signal, true).then((outcome) => {
      if (!outcome.ok || this.#clock !== clock || this.#isDown) {
        this.#time.in(minute, () => this.#logIn());
        return;
      }
      this.#iam.refusal = null;
      this.#iam.credential = credential;
      this.#kept = null;
      this.#isLoggedIn = true;
      this.#isReading = false;
      if (this.#profile === null) this.#promises.processStarted();
      const profile = this.#profile ?? this.#newProfile();
      this.#promises.loggedIn();
      this.#promises.note(`logged in: ${outcome.exchanged.token.expose()}`);
      this.#disturbed(exchangeTimeoutMs + exchangeGraceMs);
      profile.loggedIn(this.#source(), outcome.exchanged, startedAt);
    });
  }

  #logOut(forMs: number): void {
    const profile = this.#profile;
    if (profile === null || this.#time.isAsleep) return;
    this.#promises.note('somebody logs out');
    this.#profile = null;
    this.#isLoggedIn = false;
    this.#kept = null;
    profile.missing({ code: 'login_required', message: 'there is no credential' });
    profile.stop();
    if (this.#open.size > 0) this.#promises.break('a request without an answer after the logout');
    this.#time.in(forMs, () => {
      if (!this.#isLoggedIn) this.#logIn();
    });
  }

  #poll(everyMs: number, forMs: number, minTtlMs: number): void {
    if (forMs <= 0) return;
    this.#ask(minTtlMs);
    this.#time.in(everyMs, () => this.#poll(everyMs, forMs - everyMs, minTtlMs));
  }
}

/** The longest that an incident may take, for who makes plans. */
export const longestIncidentMs = 72 * hour;
