import { hourlyShiftMs } from '../../src/adapters/cron-schedule.ts';
import type { Instant } from '../../src/shared/clock.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { IamToken } from '../../src/token/token.ts';
import { transition } from '../../src/token/lifecycle.ts';
import { nextWakeAtMonotonicMs } from '../../src/token/selectors.ts';
import { initialState, type LifecycleEvent, type LifecycleState } from '../../src/token/state.ts';
import { hour, minute, second } from '../support/time/durations.ts';
import { createSeededRandom } from './seeded-random.ts';

/** Wall time at which the power returns; not a full hour in any time zone. */
export const startMs = Date.UTC(2026, 10, 24, 6, 17, 23);
export const dayMs = 24 * hour;
const monotonicAtBootMs = 5_000;

/** Written to the results file. */
export const assumptions = {
  startWithinMs: second,
  powerCutMs: 10 * minute,
  /** The part of the fleet with a persisted token; the others exchange at once. */
  persistedFraction: 0.9,
  tokenLifetimeMs: 12 * hour,
  exchangeMs: [50, 250],
  outageMs: hour,
} as const;

export interface FleetDayOptions {
  readonly daemons: number;
  readonly seed: number;
  /** Milliseconds since the start, between which every exchange fails with HTTP 503; `null`: a calm day. */
  readonly outage: readonly [fromMs: number, toMs: number] | null;
}

/** Exchanges in each second of a day, including those that fail. */
export type ExchangesPerSecond = Uint32Array;

/**
 * A day of a fleet with the real lifecycle and the real spread of the schedule. IAM's responses depend on the time
 * alone, so the daemons are independent: they run one after the other, each with a random number generator of its own.
 */
export function simulateFleetDay(day: FleetDayOptions): ExchangesPerSecond {
  const perSecond = new Uint32Array(dayMs / second);
  for (let index = 0; index < day.daemons; index += 1) new Daemon(index, day, perSecond).run();
  return perSecond;
}

/** For comparison: `yc iam create-token` in cron at minute 0 on every machine, with clocks that are exact to a second. */
export function simulateCronDay({ daemons, seed }: FleetDayOptions): ExchangesPerSecond {
  const perSecond = new Uint32Array(dayMs / second);
  const random = createSeededRandom(seed, daemons);
  for (let atMs = nextFullHourMs(startMs); atMs < startMs + dayMs; atMs += hour) {
    for (let index = 0; index < daemons; index += 1) countExchange(perSecond, atMs + random() * second);
  }
  return perSecond;
}

/** As `createCronSchedule('0 * * * *', shiftMs)`, but fast enough: croner takes 28 µs for each of millions of firings. */
export function nextHourlyMs(afterMs: number, shiftMs: number): number {
  return nextFullHourMs(afterMs - shiftMs) + shiftMs;
}

function nextFullHourMs(afterMs: number): number {
  return (Math.floor(afterMs / hour) + 1) * hour;
}

class Daemon {
  readonly #day: FleetDayOptions;
  readonly #perSecond: ExchangesPerSecond;
  readonly #random: () => number;
  readonly #shiftMs: number;
  readonly #bootMs: number;
  #elapsedMs: number;
  #state: LifecycleState<Secret>;
  #exchange: { readonly attempt: number; readonly startedAt: Instant; readonly endsAtMs: number } | null =
    null;

  constructor(index: number, day: FleetDayOptions, perSecond: ExchangesPerSecond) {
    this.#day = day;
    this.#perSecond = perSecond;
    this.#random = createSeededRandom(day.seed, index);
    this.#shiftMs = hourlyShiftMs(`host-${index}`, `instance-${day.seed}`, 'default');
    this.#bootMs = Math.floor(this.#random() * assumptions.startWithinMs);
    this.#elapsedMs = this.#bootMs;
    this.#state = initialState(this.#now());
  }

  run(): void {
    const token = this.#random() < assumptions.persistedFraction ? createPersistedToken(this.#shiftMs) : null;
    this.#dispatch({
      kind: 'credential_loaded',
      persistedToken: token === null ? null : { token, clockOffsetMs: 0 },
    });
    for (;;) {
      const exchange = this.#exchange;
      this.#elapsedMs = Math.min(this.#wakeAtMs(), exchange?.endsAtMs ?? Infinity);
      if (this.#elapsedMs >= dayMs) return;
      if (exchange?.endsAtMs === this.#elapsedMs) this.#endExchange(exchange);
      else this.#dispatch({ kind: 'timer_fired', jumpMs: 0 });
    }
  }

  #now(): Instant {
    const wallMs = startMs + this.#elapsedMs;
    return { wallMs, monotonicMs: monotonicAtBootMs + this.#elapsedMs - this.#bootMs };
  }

  #wakeAtMs(): number {
    const wakeAtMonotonicMs = nextWakeAtMonotonicMs(this.#state, this.#now()) ?? Infinity;
    return Math.max(Math.ceil(wakeAtMonotonicMs - monotonicAtBootMs + this.#bootMs), this.#elapsedMs);
  }

  #dispatch(event: LifecycleEvent<Secret>): void {
    const { state, effects } = transition(this.#state, event, this.#now());
    this.#state = state;
    for (const effect of effects) {
      if (effect.kind === 'start_exchange') {
        countExchange(this.#perSecond, this.#now().wallMs);
        const [minMs, maxMs] = assumptions.exchangeMs;
        const durationMs = Math.ceil(minMs + this.#random() * (maxMs - minMs));
        this.#exchange = {
          attempt: effect.attempt,
          startedAt: this.#now(),
          endsAtMs: this.#elapsedMs + durationMs,
        };
      } else if (effect.kind === 'plan_schedule') {
        this.#dispatch({ kind: 'schedule_planned', atMs: nextHourlyMs(this.#now().wallMs, this.#shiftMs) });
      }
    }
  }

  #endExchange(exchange: { readonly attempt: number; readonly startedAt: Instant }): void {
    const { attempt, startedAt } = exchange;
    const { wallMs: serverTimeMs } = this.#now();
    const random01 = this.#random();
    this.#exchange = null;
    if (isWithin(this.#day.outage, this.#elapsedMs)) {
      const failure = { kind: 'transient', message: 'IAM returned HTTP 503', serverTimeMs } as const;
      this.#dispatch({
        kind: 'exchange_ended',
        attempt,
        startedAt,
        outcome: { ok: false, failure },
        random01,
      });
    } else {
      const expiresAtMs = serverTimeMs + assumptions.tokenLifetimeMs;
      const issuedToken = { value: new Secret('t1.new'), expiresAtMs, subject: null, serverTimeMs };
      this.#dispatch({
        kind: 'exchange_ended',
        attempt,
        startedAt,
        outcome: { ok: true, issuedToken },
        random01,
      });
    }
  }
}

function isWithin(interval: FleetDayOptions['outage'], ms: number): boolean {
  return interval !== null && ms >= interval[0] && ms < interval[1];
}

/** From the last firing before the power cut. */
function createPersistedToken(shiftMs: number): IamToken {
  const receivedAtMs = nextHourlyMs(startMs - assumptions.powerCutMs, shiftMs) - hour;
  return {
    value: new Secret('t1.persisted'),
    subject: null,
    expiresAtMs: receivedAtMs + assumptions.tokenLifetimeMs,
    receivedAtMs,
  };
}

function countExchange(perSecond: ExchangesPerSecond, atMs: number): void {
  const index = Math.floor((atMs - startMs) / second);
  if (index < perSecond.length) perSecond[index] = (perSecond[index] ?? 0) + 1;
}
