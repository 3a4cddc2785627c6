import { shiftWithinHourMs } from '../../src/adapters/cron-schedule.ts';
import type { Instant } from '../../src/shared/clock.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { IamToken } from '../../src/token/iam-token.ts';
import { transition } from '../../src/token/lifecycle.ts';
import { nextWakeAtMonotonicMs } from '../../src/token/outlook.ts';
import { initialState, type LifecycleEvent, type LifecycleState } from '../../src/token/state.ts';
import { hour, minute, second } from '../support/durations.ts';
import { randomFrom } from './random.ts';

/** Wall time at which the power comes back; not a full hour, in any time zone. */
export const startMs = Date.UTC(2026, 10, 24, 6, 17, 23);
export const dayMs = 24 * hour;
const monotonicAtBootMs = 5_000;

/** What is taken for granted; it stands in the results file, and is printed with it. */
export const assumptions = {
  startWithinMs: second,
  powerCutMs: 10 * minute,
  /** Part of the fleet that has its last token kept; the others exchange at once. */
  keptShare: 0.9,
  tokenLifetimeMs: 12 * hour,
  exchangeMs: [50, 250],
  outageMs: hour,
} as const;

export interface FleetDay {
  readonly daemons: number;
  readonly seed: number;
  /** Milliseconds since the start between which IAM answers every exchange with 503; `null`: a calm day. */
  readonly outage: readonly [fromMs: number, toMs: number] | null;
}

/** Exchanges in each second of a day, those that fail among them. */
export type PerSecond = Uint32Array;

/**
 * A day of a fleet: the real lifecycle and the real spread, from event to event. What IAM answers depends on the
 * time alone, so no daemon feels another one, and they are lived one after the other, each with a random number
 * generator of its own.
 */
export function fleetDay(day: FleetDay): PerSecond {
  const perSecond = new Uint32Array(dayMs / second);
  for (let index = 0; index < day.daemons; index += 1) new Daemon(index, day, perSecond).live();
  return perSecond;
}

/** Everybody's `yc iam create-token` at minute 0, by clocks that are right to a second; a failure waits an hour. */
export function naiveDay({ daemons, seed }: FleetDay): PerSecond {
  const perSecond = new Uint32Array(dayMs / second);
  const random = randomFrom(seed, daemons);
  for (let atMs = nextFullHourMs(startMs); atMs < startMs + dayMs; atMs += hour) {
    for (let index = 0; index < daemons; index += 1) count(perSecond, atMs + random() * second);
  }
  return perSecond;
}

/** `0 * * * *` moved by so much, as `cronSchedule` has it: croner takes 28 µs for each of millions of firings. */
export function nextHourlyMs(afterMs: number, shiftMs: number): number {
  return nextFullHourMs(afterMs - shiftMs) + shiftMs;
}

function nextFullHourMs(afterMs: number): number {
  return (Math.floor(afterMs / hour) + 1) * hour;
}

class Daemon {
  readonly #day: FleetDay;
  readonly #perSecond: PerSecond;
  readonly #random: () => number;
  readonly #shiftMs: number;
  readonly #bootMs: number;
  #elapsedMs: number;
  #state: LifecycleState;
  #exchange: { readonly attempt: number; readonly endsAtMs: number } | null = null;

  constructor(index: number, day: FleetDay, perSecond: PerSecond) {
    this.#day = day;
    this.#perSecond = perSecond;
    this.#random = randomFrom(day.seed, index);
    this.#shiftMs = shiftWithinHourMs(`host-${index}`, `instance-${day.seed}`, 'default');
    this.#bootMs = Math.floor(this.#random() * assumptions.startWithinMs);
    this.#elapsedMs = this.#bootMs;
    this.#state = initialState(this.#now());
  }

  live(): void {
    const token = this.#random() < assumptions.keptShare ? keptToken(this.#shiftMs) : null;
    this.#send({ kind: 'credential_found', kept: token === null ? null : { token, clockOffsetMs: 0 } });
    for (;;) {
      const exchange = this.#exchange;
      this.#elapsedMs = Math.min(this.#wakeAtMs(), exchange?.endsAtMs ?? Infinity);
      if (this.#elapsedMs >= dayMs) return;
      if (exchange?.endsAtMs === this.#elapsedMs) this.#endExchange(exchange.attempt);
      else this.#send({ kind: 'woke', jumpMs: 0 });
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

  #send(event: LifecycleEvent): void {
    const { state, effects } = transition(this.#state, event, this.#now());
    this.#state = state;
    for (const effect of effects) {
      if (effect.kind === 'start_exchange') {
        count(this.#perSecond, this.#now().wallMs);
        const [leastMs, mostMs] = assumptions.exchangeMs;
        const tookMs = Math.ceil(leastMs + this.#random() * (mostMs - leastMs));
        this.#exchange = { attempt: effect.attempt, endsAtMs: this.#elapsedMs + tookMs };
      } else if (effect.kind === 'plan_schedule') {
        this.#send({ kind: 'schedule_planned', atMs: nextHourlyMs(this.#now().wallMs, this.#shiftMs) });
      }
    }
  }

  #endExchange(attempt: number): void {
    const { wallMs: serverTimeMs } = this.#now();
    const random01 = this.#random();
    this.#exchange = null;
    if (isWithin(this.#day.outage, this.#elapsedMs)) {
      const failure = { kind: 'transient', message: 'IAM answered 503', serverTimeMs } as const;
      this.#send({ kind: 'exchange_ended', attempt, outcome: { ok: false, failure }, random01 });
    } else {
      const expiresAtMs = serverTimeMs + assumptions.tokenLifetimeMs;
      const exchanged = { token: new Secret('t1.new'), expiresAtMs, subject: null, serverTimeMs };
      this.#send({ kind: 'exchange_ended', attempt, outcome: { ok: true, exchanged }, random01 });
    }
  }
}

function isWithin(span: FleetDay['outage'], ms: number): boolean {
  return span !== null && ms >= span[0] && ms < span[1];
}

/** Of the last firing before the power went. */
function keptToken(shiftMs: number): IamToken {
  const receivedAtMs = nextHourlyMs(startMs - assumptions.powerCutMs, shiftMs) - hour;
  return {
    value: new Secret('t1.kept'),
    subject: null,
    expiresAtMs: receivedAtMs + assumptions.tokenLifetimeMs,
    receivedAtMs,
  };
}

function count(perSecond: PerSecond, atMs: number): void {
  const index = Math.floor((atMs - startMs) / second);
  if (index < perSecond.length) perSecond[index] = (perSecond[index] ?? 0) + 1;
}
