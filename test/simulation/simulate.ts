import { hour, minute, second } from '../support/time/durations.ts';
import type { Incident, Outage, Plan } from './plan.ts';
import { backoffGraceMs, type InvariantError, Invariants, wakeGraceMs } from './invariants.ts';
import { createSeededRandom } from './seeded-random.ts';
import { SimulatedClients } from './simulated-clients.ts';
import { SimulatedDaemon } from './simulated-daemon.ts';
import { SimulatedIam, type ExchangeObserver } from './simulated-iam.ts';
import { maxTimerMs, SimulatedTime } from './simulated-time.ts';

const startMs = Date.UTC(2026, 10, 24);
/** More events than this in one millisecond are an endless loop. */
const maxEventsPerMs = 1_000;

export interface SimulationResult {
  readonly error: InvariantError | null;
  readonly served: number;
  readonly expiredServed: number;
  readonly requests: number;
  readonly exchanges: number;
}

const resolvedPromise = Promise.resolve();
const noopObserver: ExchangeObserver = {
  onStart: () => undefined,
  onProbe: () => true,
  onEnd: () => undefined,
};

/** Runs a plan event by event, with the real `Profile` and lifecycle. */
export async function simulate(plan: Plan): Promise<SimulationResult> {
  const simulation = new Simulation(plan);
  await simulation.run();
  return simulation.outcome;
}

class Simulation {
  readonly #plan: Plan;
  readonly #random: () => number;
  readonly #time: SimulatedTime;
  readonly #iam: SimulatedIam;
  readonly #invariants: Invariants;
  readonly #daemon: SimulatedDaemon;
  readonly #clients: SimulatedClients;
  #wasClockAlwaysCorrect: boolean;
  /** The clock was ahead and IAM sends no `Date`: valid tokens may look expired until the next login. */
  #isClockMisleading: boolean;
  #activeOutages = 0;
  #hasPendingPromises = false;
  /** After which event every request has its response; `null`: requests may wait. */
  #noneMayBePending: string | null = null;

  constructor(plan: Plan) {
    const { setting } = plan;
    this.#plan = plan;
    this.#random = createSeededRandom(setting.seed);
    this.#time = new SimulatedTime(startMs, setting.monotonicStopsInSleep);
    this.#time.wallErrorMs = setting.clockErrorMs;
    this.#wasClockAlwaysCorrect = setting.clockErrorMs === 0;
    this.#isClockMisleading = !setting.sendsDate && setting.clockErrorMs > 0;
    this.#iam = new SimulatedIam(this.#time, setting, this.#random);
    this.#invariants = new Invariants(this.#time, setting.scheduleMs);
    const parts = { time: this.#time, iam: this.#iam, invariants: this.#invariants, random: this.#random };
    this.#daemon = new SimulatedDaemon({
      ...parts,
      setting,
      onSettled: () => this.#requestFlush(),
      onCredentialLoaded: () => this.#clients.scheduleStartupRequests(),
    });
    this.#clients = new SimulatedClients({
      ...parts,
      daemon: this.#daemon,
      isStable: () => this.#isHealthy && this.#invariants.isStable,
      wasClockAlwaysCorrect: () => this.#wasClockAlwaysCorrect,
    });
    this.#daemon.start(second, 0);
    for (const incident of plan.incidents)
      this.#time.schedule(incident.atMs, () => this.#applyIncident(incident));
    this.#clients.scheduleRequests(setting.requestIntervalMs);
  }

  get outcome(): SimulationResult {
    const { error, served, expiredServed, exchanges } = this.#invariants;
    return { error, served, expiredServed, exchanges, requests: this.#clients.requests };
  }

  async run(): Promise<void> {
    const endMs = startMs + this.#plan.durationMs;
    const time = this.#time;
    let eventsAtSameMs = 0;
    while (this.#invariants.error === null) {
      const alarmMs = this.#daemon.clock.nextAlarmMs;
      const nextEventMs = Math.min(time.nextEventMs, alarmMs);
      if (nextEventMs > endMs) return;
      eventsAtSameMs = nextEventMs > time.trueMs ? 0 : eventsAtSameMs + 1;
      if (eventsAtSameMs > maxEventsPerMs) this.#invariants.fail('the alarm fires endlessly');
      time.advanceTo(nextEventMs);
      if (alarmMs <= nextEventMs) this.#daemon.clock.fire();
      else time.runNext();
      if (this.#hasPendingPromises || this.#clients.hasPending) await this.#flushPromises();
      this.#checkInvariants();
    }
  }

  #requestFlush(): void {
    this.#hasPendingPromises = true;
  }

  async #flushPromises(): Promise<void> {
    this.#hasPendingPromises = false;
    for (let turn = 0; turn < 8; turn += 1) await resolvedPromise;
  }

  #checkInvariants(): void {
    if (this.#noneMayBePending !== null) this.#clients.assertNonePending(this.#noneMayBePending);
    this.#noneMayBePending = null;
    this.#clients.assertNoneOverdue();
    if (!this.#isHealthy || !this.#invariants.isStable) return;
    const token = this.#daemon.profile?.state.token ?? null;
    const expiresAtMs = token === null ? null : this.#iam.lookUpToken(token.value.expose()).expiresAtMs;
    this.#invariants.assertValidToken(expiresAtMs, this.#wasClockAlwaysCorrect);
  }

  /** Whether the environment allows the daemon to get a token. */
  get #isHealthy(): boolean {
    return (
      this.#daemon.profile !== null &&
      !this.#daemon.isLoading &&
      !this.#time.isAsleep &&
      this.#iam.outage === null &&
      this.#iam.credentialFailure === null &&
      !this.#isClockMisleading
    );
  }

  #applyIncident(incident: Incident): void {
    switch (incident.kind) {
      case 'sleep':
        this.#deferUntilJumpNoticed(() => this.#sleep(incident.durationMs));
        return;
      case 'clock':
        this.#deferUntilJumpNoticed(() => this.#setClock(incident.errorMs));
        return;
      case 'restart':
        this.#deferUntilJumpNoticed(() => this.#restart(incident));
        return;
      case 'travel':
        this.#beginOutage('unreachable', incident.sleepMs + hour, 0);
        this.#deferUntilJumpNoticed(() => this.#setClock(incident.errorMs));
        this.#deferUntilJumpNoticed(() => this.#sleep(incident.sleepMs));
        return;
      case 'outage':
        this.#beginOutage(incident.outage, incident.durationMs, incident.retryAfterMs);
        return;
      case 'credential_failure':
        if (this.#iam.credentialFailure !== null) return;
        this.#invariants.note(`credential failure: ${incident.credentialFailure}`);
        this.#iam.credentialFailure = incident.credentialFailure;
        this.#time.schedule(incident.durationMs, () => this.#endCredentialFailure());
        return;
      case 'login':
        this.#logIn();
        return;
      case 'logout':
        this.#logOut(incident.durationMs);
        return;
      case 'refresh':
        this.#clients.refresh();
        return;
      case 'burst':
        for (let count = 0; count < incident.requests; count += 1) this.#clients.requestToken(0);
        return;
      case 'polling':
        this.#clients.poll(incident.intervalMs, incident.durationMs, incident.minTtlMs);
        return;
      default:
        incident satisfies never;
    }
  }

  /** Two jumps that are noticed together cannot be told apart: see `plan.ts`. */
  #deferUntilJumpNoticed(action: () => void): void {
    if (this.#time.isAsleep || this.#daemon.clock.hasUnnoticedJump || this.#daemon.isDown) {
      this.#time.schedule(maxTimerMs + second, () => this.#deferUntilJumpNoticed(action));
    } else {
      action();
    }
  }

  #sleep(durationMs: number): void {
    this.#invariants.note(`asleep for ${durationMs / minute} min`);
    this.#time.isAsleep = true;
    this.#time.schedule(durationMs, () => {
      this.#invariants.note('awake');
      this.#time.isAsleep = false;
      if (this.#time.monotonicStopsInSleep) this.#daemon.clock.recordJump(durationMs);
      this.#invariants.allowRecovery(this.#time.monotonicStopsInSleep ? wakeGraceMs : backoffGraceMs);
      this.#iam.deliverDeferredResponses();
      this.#clients.scheduleStartupRequests();
    });
  }

  #setClock(errorMs: number): void {
    const jumpMs = errorMs - this.#time.wallErrorMs;
    if (jumpMs === 0) return;
    this.#invariants.note(`clock set to ${errorMs / second} s ahead`);
    this.#wasClockAlwaysCorrect = false;
    this.#time.wallErrorMs = errorMs;
    this.#daemon.clock.recordJump(jumpMs);
    this.#invariants.allowRecovery(wakeGraceMs);
    if (jumpMs > 0) this.#invariants.recordForwardJump();
    if (!this.#plan.setting.sendsDate && errorMs > 0) this.#isClockMisleading = true;
  }

  #restart(incident: Extract<Incident, { readonly kind: 'restart' }>): void {
    this.#invariants.note(`daemon ${incident.shutdown}`);
    if (incident.shutdown === 'stopped') {
      this.#daemon.stop();
      this.#noneMayBePending = 'when the daemon stopped';
    } else {
      this.#daemon.kill();
      this.#clients.dropPending();
    }
    this.#time.schedule(incident.downtimeMs, () => {
      if (incident.clock === 'right') this.#time.wallErrorMs = 0;
      if (incident.clock === 'lost') {
        this.#time.wallErrorMs = 5 * minute - this.#time.trueMs;
        this.#wasClockAlwaysCorrect = false;
      }
      this.#invariants.note(`daemon started; clock ${this.#time.wallErrorMs / second} s ahead`);
      this.#daemon.start(incident.loadDelayMs, incident.lockDurationMs);
    });
  }

  #beginOutage(outage: Outage, durationMs: number, retryAfterMs: number): void {
    this.#invariants.note(`outage: ${outage} for ${durationMs / minute} min`);
    this.#activeOutages += 1;
    this.#iam.outage = outage;
    this.#iam.retryAfterMs = retryAfterMs;
    this.#time.schedule(durationMs, () => this.#endOutage());
    // A user tries a refresh.
    if (this.#random() < 0.5) this.#time.schedule(this.#random() * hour, () => this.#clients.refresh());
  }

  #endOutage(): void {
    this.#activeOutages -= 1;
    if (this.#activeOutages > 0) return;
    this.#invariants.note('outage ended');
    this.#iam.outage = null;
    this.#invariants.allowRecovery(backoffGraceMs);
  }

  #endCredentialFailure(): void {
    if (this.#iam.credentialFailure !== 'no_role') return this.#logIn();
    this.#invariants.note('role granted');
    this.#iam.credentialFailure = null;
    this.#invariants.allowRecovery(backoffGraceMs);
    if (this.#plan.setting.scheduleMs === null) this.#refreshWhenPossible();
  }

  /** Without a schedule, only a refresh ends a missing role. */
  #refreshWhenPossible(): void {
    if (this.#daemon.profile === null || this.#daemon.isLoading || this.#time.isAsleep) {
      this.#time.schedule(minute, () => this.#refreshWhenPossible());
    } else {
      this.#invariants.allowRecovery(backoffGraceMs);
      this.#clients.refresh();
    }
  }

  /** As in `src/daemon/profiles/login.ts`: a verifying exchange, then the new credential is live. Repeated until it succeeds. */
  #logIn(): void {
    if (this.#daemon.isDown || this.#time.isAsleep || this.#iam.outage !== null) {
      this.#time.schedule(10 * minute, () => this.#logIn());
      return;
    }
    this.#invariants.note('login');
    const { clock } = this.#daemon;
    const credential = this.#iam.credential + 1;
    const verifyingSource = this.#iam.openSource(clock, credential, noopObserver, () => this.#requestFlush());
    const startedAt = clock.now();
    void verifyingSource.exchange(new AbortController().signal, true).then((outcome) => {
      if (!outcome.ok || this.#daemon.clock !== clock) {
        this.#time.schedule(minute, () => this.#logIn());
        return;
      }
      this.#iam.credentialFailure = null;
      this.#daemon.logIn(credential, outcome.issuedToken, startedAt);
    });
  }

  #logOut(durationMs: number): void {
    if (this.#daemon.profile === null || this.#time.isAsleep) return;
    this.#invariants.note('logout');
    this.#daemon.logOut();
    this.#noneMayBePending = 'after the logout';
    this.#time.schedule(durationMs, () => {
      if (!this.#daemon.isLoggedIn) this.#logIn();
    });
  }
}
