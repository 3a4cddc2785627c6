import { Profile } from '../../src/daemon/profiles/profile.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { ExchangeOutcome, IamTokenSource } from '../../src/token/token-source.ts';
import { hour, second } from '../support/time/durations.ts';
import { createSeededRandom } from './seeded-random.ts';
import { SimulatedClock, SimulatedTime } from './simulated-time.ts';

const startMs = Date.UTC(2026, 10, 24);
const profileCount = 10;
const pollIntervalMs = 500;
const exchangeTimeoutMs = 8 * second;
const probeTimeoutMs = 4 * second;
const maxLatencyMs = 400;
/** After the outage, in which every profile must have answered. */
const observationMs = 5 * 60 * second;

export interface OutagePlan {
  readonly seed: number;
  readonly outageMs: number;
  /** `refused`: requests fail at once. `hanging`: they get no response. */
  readonly failure: 'refused' | 'hanging';
  /** What a look without a credential gets during the outage: the same as afterwards, or no answer. */
  readonly probe: 'tells' | 'always_answers' | 'never_answers';
}

export interface OutageResult {
  /** The longest time from the end of the outage to the first token for a client, over all profiles. */
  readonly slowestRecoveryMs: number;
  /** In any hour, of any profile. */
  readonly maxExchangesPerHour: number;
  readonly maxRequestExchangesPerHour: number;
  /** The shortest time between two looks of a profile. */
  readonly minProbeIntervalMs: number;
  readonly exchangesWithinTenMinutes: number;
}

interface Exchange {
  readonly atMs: number;
  readonly isForRequest: boolean;
}

/**
 * Ten profiles without a valid token, whose clients ask twice a second through an outage of the service and after it. Each is
 * run by the real `Profile`.
 */
export async function simulateOutage(plan: OutagePlan): Promise<OutageResult> {
  const time = new SimulatedTime(startMs, true);
  const random = createSeededRandom(plan.seed);
  const clock = new SimulatedClock(time, random);
  const runs = Array.from(
    { length: profileCount },
    (_, index) => new ProfileRun(plan, index, time, clock, random),
  );
  const endMs = startMs + plan.outageMs + observationMs;
  for (;;) {
    const alarmMs = clock.nextAlarmMs;
    const nextMs = Math.min(time.nextEventMs, alarmMs);
    if (nextMs > endMs) break;
    time.advanceTo(nextMs);
    if (alarmMs <= nextMs) clock.fire();
    else time.runNext();
    for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
  }
  for (const { profile } of runs) profile.stop();
  return {
    slowestRecoveryMs: Math.max(...runs.map(({ recoveryMs }) => recoveryMs)),
    maxExchangesPerHour: Math.max(...runs.map(({ exchanges }) => countPerHour(exchanges))),
    maxRequestExchangesPerHour: Math.max(
      ...runs.map(({ exchanges }) => countPerHour(exchanges.filter(({ isForRequest }) => isForRequest))),
    ),
    minProbeIntervalMs: Math.min(...runs.map(({ minProbeIntervalMs }) => minProbeIntervalMs)),
    exchangesWithinTenMinutes: Math.max(
      ...runs.map(({ exchanges }) => exchanges.filter(({ atMs }) => atMs <= startMs + hour / 6).length),
    ),
  };
}

class ProfileRun {
  readonly profile: Profile;
  readonly exchanges: Exchange[] = [];
  recoveryMs = Infinity;
  minProbeIntervalMs = Infinity;
  readonly #plan: OutagePlan;
  readonly #time: SimulatedTime;
  readonly #random: () => number;
  #lastProbeMs = -Infinity;

  constructor(
    plan: OutagePlan,
    index: number,
    time: SimulatedTime,
    clock: SimulatedClock,
    random: () => number,
  ) {
    this.#plan = plan;
    this.#time = time;
    this.#random = random;
    this.profile = new Profile({
      name: `profile-${index}`,
      clock,
      log: { write: () => undefined },
      formatHint: () => '',
      getNextScheduledMs: (_profile, afterMs) => (Math.floor(afterMs / hour) + 1) * hour,
      announce: () => undefined,
    });
    time.schedule(random() * second, () => this.profile.setCredential(this.#source, null));
    time.schedule(second + random() * pollIntervalMs, () => this.#poll());
  }

  get #isOut(): boolean {
    return this.#time.trueMs < startMs + this.#plan.outageMs;
  }

  readonly #source: IamTokenSource = {
    exchange: () => {
      const trigger = this.profile.state.attempts.at(-1)?.trigger;
      this.exchanges.push({ atMs: this.#time.trueMs, isForRequest: trigger !== 'renewal' });
      const hangs = this.#isOut && this.#plan.failure === 'hanging';
      return this.#respondAfter(hangs ? exchangeTimeoutMs : this.#latencyMs(), () =>
        hangs || this.#isOut ? failedOutcome : this.#issueToken(),
      );
    },
    probe: () => {
      this.minProbeIntervalMs = Math.min(this.minProbeIntervalMs, this.#time.trueMs - this.#lastProbeMs);
      this.#lastProbeMs = this.#time.trueMs;
      const { probe, failure } = this.#plan;
      const isSilent = probe === 'never_answers' || (probe === 'tells' && this.#isOut);
      const delayMs = isSilent && failure === 'hanging' ? probeTimeoutMs : this.#latencyMs();
      return this.#respondAfter(delayMs, () => (isSilent ? null : 'HTTP 404'));
    },
  };

  #latencyMs(): number {
    return 10 + this.#random() * maxLatencyMs;
  }

  #respondAfter<Response>(delayMs: number, createResponse: () => Response): Promise<Response> {
    return new Promise((resolve) => this.#time.schedule(delayMs, () => resolve(createResponse())));
  }

  #issueToken(): ExchangeOutcome<Secret> {
    const serverTimeMs = this.#time.trueMs;
    const expiresAtMs = serverTimeMs + 12 * hour;
    return {
      ok: true,
      issuedToken: { value: new Secret('t1.new'), expiresAtMs, subject: null, serverTimeMs },
    };
  }

  /** As `src/daemon/requests/token-handlers.ts` handles a request. */
  #poll(): void {
    const { profile } = this;
    if (profile.getValidToken(0) !== null) {
      this.#recordAnswer();
      return;
    }
    if (profile.rejectRequest(0) === null) {
      const { signal } = new AbortController();
      void profile.requestToken(0, signal).then(
        () => this.#recordAnswer(),
        () => undefined,
      );
    }
    this.#time.schedule(pollIntervalMs, () => this.#poll());
  }

  #recordAnswer(): void {
    this.recoveryMs = Math.min(this.recoveryMs, this.#time.trueMs - startMs - this.#plan.outageMs);
  }
}

const failedOutcome: ExchangeOutcome<never> = {
  ok: false,
  failure: { kind: 'transient', message: 'cannot reach IAM' },
};

/** The most exchanges in any hour. */
function countPerHour(exchanges: readonly Exchange[]): number {
  return Math.max(
    0,
    ...exchanges.map(
      ({ atMs }, index) => exchanges.slice(0, index + 1).filter((other) => other.atMs > atMs - hour).length,
    ),
  );
}
