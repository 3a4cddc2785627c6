import { hour, minute, second } from '../support/durations.ts';
import type { Incident, Outage, Plan } from './plan.ts';
import { backoffGraceMs, type BrokenPromise, Promises, wakingGraceMs } from './promises.ts';
import { randomFrom } from './random.ts';
import { SimulatedClients } from './simulated-clients.ts';
import { SimulatedDaemon } from './simulated-daemon.ts';
import { SimulatedIam, type Witness } from './simulated-iam.ts';
import { longestTimerMs, SimulatedTime } from './simulated-time.ts';

const startMs = Date.UTC(2026, 10, 24);
/** Nothing in order happens this often in the same millisecond. */
const atOnceAtMost = 1_000;

export interface Outcome {
  readonly broken: BrokenPromise | null;
  readonly served: number;
  readonly expiredServed: number;
  readonly requests: number;
  readonly exchanges: number;
}

const resolved = Promise.resolve();
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
  readonly #daemon: SimulatedDaemon;
  readonly #clients: SimulatedClients;
  #clockWasAlwaysRight: boolean;
  /** IAM does not tell the time, and the clock was ahead: a person has to find out, once a token looks dead. */
  #isClockMisled: boolean;
  #outages = 0;
  #isSettling = false;

  constructor(plan: Plan) {
    const { setting } = plan;
    this.#plan = plan;
    this.#random = randomFrom(setting.seed);
    this.#time = new SimulatedTime(startMs, setting.monotonicSleeps);
    this.#time.wallErrorMs = setting.clockErrorMs;
    this.#clockWasAlwaysRight = setting.clockErrorMs === 0;
    this.#isClockMisled = !setting.tellsTime && setting.clockErrorMs > 0;
    this.#iam = new SimulatedIam(this.#time, setting, this.#random);
    this.#promises = new Promises(this.#time, setting.scheduleMs);
    const parts = { time: this.#time, iam: this.#iam, promises: this.#promises, random: this.#random };
    this.#daemon = new SimulatedDaemon({
      ...parts,
      setting,
      settled: () => this.#settled(),
      found: () => this.#clients.askSoon(),
    });
    this.#clients = new SimulatedClients({
      ...parts,
      daemon: this.#daemon,
      isCalm: () => this.#isInOrder && this.#promises.isCalm,
      clockWasAlwaysRight: () => this.#clockWasAlwaysRight,
    });
    this.#daemon.start(second, 0);
    for (const incident of plan.incidents) this.#time.in(incident.atMs, () => this.#happen(incident));
    this.#clients.askNowAndThen(setting.askEveryMs);
  }

  get outcome(): Outcome {
    const { broken, served, expiredServed, exchanges } = this.#promises;
    return { broken, served, expiredServed, exchanges, requests: this.#clients.requests };
  }

  async live(): Promise<void> {
    const endMs = startMs + this.#plan.lastsMs;
    const time = this.#time;
    let atOnce = 0;
    while (this.#promises.broken === null) {
      const ringMs = this.#daemon.clock.nextRingMs;
      const nextMs = Math.min(time.nextMs, ringMs);
      if (nextMs > endMs) return;
      atOnce = nextMs > time.trueMs ? 0 : atOnce + 1;
      if (atOnce > atOnceAtMost) this.#promises.break('the alarm rings without an end');
      time.advanceTo(nextMs);
      if (ringMs <= nextMs) this.#daemon.clock.ring();
      else time.next();
      if (this.#isSettling) await this.#settle();
      this.#check();
    }
  }

  #settled(): void {
    this.#isSettling = true;
  }

  /** What hangs on a promise of the runner goes on before anything else happens. */
  async #settle(): Promise<void> {
    this.#isSettling = false;
    for (let turn = 0; turn < 8; turn += 1) await resolved;
  }

  #check(): void {
    this.#clients.nobodyIsLate();
    if (!this.#isInOrder || !this.#promises.isCalm) return;
    const token = this.#daemon.profile?.state.token ?? null;
    const endsMs = token === null ? null : this.#iam.known(token.value.expose()).endsMs;
    this.#promises.livingTokenExpected(endsMs, this.#clockWasAlwaysRight);
  }

  /** Nothing keeps the daemon from a living token. */
  get #isInOrder(): boolean {
    return (
      this.#daemon.profile !== null &&
      !this.#daemon.isReading &&
      !this.#time.isAsleep &&
      this.#iam.outage === null &&
      this.#iam.refusal === null &&
      !this.#isClockMisled
    );
  }

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
      case 'journey':
        this.#beginOutage('unreachable', incident.sleepMs + hour, 0);
        this.#onceNoticed(() => this.#setClock(incident.errorMs));
        this.#onceNoticed(() => this.#sleep(incident.sleepMs));
        return;
      case 'outage':
        this.#beginOutage(incident.outage, incident.forMs, incident.retryAfterMs);
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
        this.#clients.refresh();
        return;
      case 'burst':
        for (let asked = 0; asked < incident.requests; asked += 1) this.#clients.ask(0);
        return;
      case 'polling':
        this.#clients.poll(incident.everyMs, incident.forMs, incident.minTtlMs);
        return;
      default:
        incident satisfies never;
    }
  }

  /** Two jumps that are noticed as one cannot be told apart: see `plan.ts`. */
  #onceNoticed(happen: () => void): void {
    if (this.#time.isAsleep || this.#daemon.clock.hasUnnoticedJump || this.#daemon.isDown) {
      this.#time.in(longestTimerMs + second, () => this.#onceNoticed(happen));
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
      if (this.#time.monotonicSleeps) this.#daemon.clock.parted(forMs);
      this.#promises.disturbed(this.#time.monotonicSleeps ? wakingGraceMs : backoffGraceMs);
      this.#iam.woke();
      this.#clients.askSoon();
    });
  }

  #setClock(errorMs: number): void {
    const jumpMs = errorMs - this.#time.wallErrorMs;
    if (jumpMs === 0) return;
    this.#promises.note(`the clock is set: now ${errorMs / second} s ahead`);
    this.#clockWasAlwaysRight = false;
    this.#time.wallErrorMs = errorMs;
    this.#daemon.clock.parted(jumpMs);
    this.#promises.disturbed(wakingGraceMs);
    if (jumpMs > 0) this.#promises.clockRanAhead();
    if (!this.#plan.setting.tellsTime && errorMs > 0) this.#isClockMisled = true;
  }

  #restart(incident: Extract<Incident, { readonly kind: 'restart' }>): void {
    this.#promises.note(`the daemon is ${incident.manner}`);
    if (incident.manner === 'stopped') {
      this.#daemon.stop();
      this.#clients.allAreAnswered('when the daemon stopped');
    } else {
      this.#daemon.kill();
    }
    this.#clients.hangUp();
    this.#time.in(incident.downMs, () => {
      if (incident.clock === 'right') this.#time.wallErrorMs = 0;
      if (incident.clock === 'lost') {
        this.#time.wallErrorMs = 5 * minute - this.#time.trueMs;
        this.#clockWasAlwaysRight = false;
      }
      this.#promises.note(`the daemon starts; the clock is ${this.#time.wallErrorMs / second} s ahead`);
      this.#daemon.start(incident.readingMs, incident.lockedMs);
    });
  }

  #beginOutage(outage: Outage, forMs: number, retryAfterMs: number): void {
    this.#promises.note(`outage: ${outage} for ${forMs / minute} min`);
    this.#outages += 1;
    this.#iam.outage = outage;
    this.#iam.retryAfterMs = retryAfterMs;
    this.#time.in(forMs, () => this.#endOutage());
    // Somebody loses patience.
    if (this.#random() < 0.5) this.#time.in(this.#random() * hour, () => this.#clients.refresh());
  }

  #endOutage(): void {
    this.#outages -= 1;
    if (this.#outages > 0) return;
    this.#promises.note('the outage ends');
    this.#iam.outage = null;
    this.#promises.disturbed(backoffGraceMs);
  }

  #endRefusal(): void {
    if (this.#iam.refusal !== 'no_role') return this.#logIn();
    this.#promises.note('the role is granted');
    this.#iam.refusal = null;
    this.#promises.disturbed(backoffGraceMs);
    if (this.#plan.setting.scheduleMs === null) this.#refreshAtLast();
  }

  /** Without a schedule only a person brings the daemon to ask again. */
  #refreshAtLast(): void {
    if (this.#daemon.profile === null || this.#daemon.isReading || this.#time.isAsleep) {
      this.#time.in(minute, () => this.#refreshAtLast());
    } else {
      this.#promises.disturbed(backoffGraceMs);
      this.#clients.refresh();
    }
  }

  /** As `src/daemon/login.ts`: an exchange of its own, and then the new credential is at work. Tried until it works. */
  #logIn(): void {
    if (this.#daemon.isDown || this.#time.isAsleep || this.#iam.outage !== null) {
      this.#time.in(10 * minute, () => this.#logIn());
      return;
    }
    this.#promises.note('somebody logs in');
    const { clock } = this.#daemon;
    const credential = this.#iam.credential + 1;
    const confirming = this.#iam.source(clock, credential, unwitnessed, () => this.#settled());
    const startedAt = clock.now();
    void confirming.exchange(new AbortController().signal, true).then((outcome) => {
      if (!outcome.ok || this.#daemon.clock !== clock) {
        this.#time.in(minute, () => this.#logIn());
        return;
      }
      this.#iam.refusal = null;
      this.#daemon.logIn(credential, outcome.exchanged, startedAt);
    });
  }

  #logOut(forMs: number): void {
    if (this.#daemon.profile === null || this.#time.isAsleep) return;
    this.#promises.note('somebody logs out');
    this.#daemon.logOut();
    this.#clients.allAreAnswered('after the logout');
    this.#time.in(forMs, () => {
      if (!this.#daemon.isLoggedIn) this.#logIn();
    });
  }
}
