import { hour, minute, second } from '../support/durations.ts';
import { assumptions, dayMs, fleetDay, type FleetDay, naiveDay, type PerSecond } from './fleet.ts';

const firstMs = minute;
const outageFromMs = (dayMs - assumptions.outageMs) / 2;
const outageToMs = outageFromMs + assumptions.outageMs;
export const outage = [outageFromMs, outageToMs] as const;

/** The spans of a day that are told apart; together they are all of it. */
const spans = {
  start: { day: 'calm', fromMs: 0, toMs: firstMs },
  calm: { day: 'calm', fromMs: firstMs, toMs: dayMs },
  outage: { day: 'outage', fromMs: outageFromMs, toMs: outageToMs },
  afterOutage: { day: 'outage', fromMs: outageToMs, toMs: outageToMs + hour },
  restOfDay: { day: 'outage', fromMs: outageToMs + hour, toMs: dayMs },
} as const;

export type Span = keyof typeof spans;

/** Exchanges a second: on average, and at most over so many seconds. */
export interface Load {
  readonly mean: number;
  readonly peak1s: number;
  readonly peak10s: number;
  readonly peak60s: number;
}

export interface Results {
  readonly seed: number;
  /** Of the code that was simulated. */
  readonly commit: string;
  readonly daemons: number;
  readonly assumptions: typeof assumptions;
  readonly fleet: Readonly<Record<Span, Load>>;
  readonly naive: Readonly<Record<Span, Load>>;
  /** Of the day with the outage: the highest second of each minute. */
  readonly minutes: { readonly fleet: readonly number[]; readonly naive: readonly number[] };
  /** Exchanges of a few daemons in the day with the outage, by which a test sees that the code is still the same. */
  readonly sample: { readonly daemons: number; readonly exchanges: number };
}

const sampleDaemons = 500;

export function simulate(daemons: number, seed: number, commit: string): Results {
  const day = (outageOrNot: FleetDay['outage'], of = daemons): FleetDay => ({
    daemons: of,
    seed,
    outage: outageOrNot,
  });
  const fleet = { calm: fleetDay(day(null)), outage: fleetDay(day(outage)) };
  const naive = { calm: naiveDay(day(null)), outage: naiveDay(day(outage)) };
  return {
    seed,
    commit,
    daemons,
    assumptions,
    fleet: loads(fleet),
    naive: loads(naive),
    minutes: { fleet: highestSeconds(fleet.outage), naive: highestSeconds(naive.outage) },
    sample: sampleOf(seed),
  };
}

export function sampleOf(seed: number): Results['sample'] {
  const perSecond = fleetDay({ daemons: sampleDaemons, seed, outage });
  return { daemons: sampleDaemons, exchanges: perSecond.reduce((sum, count) => sum + count, 0) };
}

function loads(days: Readonly<Record<'calm' | 'outage', PerSecond>>): Readonly<Record<Span, Load>> {
  const load = (span: Span): Load => {
    const { day, fromMs, toMs } = spans[span];
    return loadOf(days[day].subarray(fromMs / second, toMs / second));
  };
  return {
    start: load('start'),
    calm: load('calm'),
    outage: load('outage'),
    afterOutage: load('afterOutage'),
    restOfDay: load('restOfDay'),
  };
}

function loadOf(perSecond: PerSecond): Load {
  return {
    mean: rounded(sumOf(perSecond) / perSecond.length),
    peak1s: peakOver(perSecond, 1),
    peak10s: peakOver(perSecond, 10),
    peak60s: peakOver(perSecond, 60),
  };
}

/** Of all spans of so many seconds, also those that begin between two full ones, the one with the most. */
export function peakOver(perSecond: PerSecond, seconds: number): number {
  let inWindow = 0;
  let most = 0;
  for (const [index, count] of perSecond.entries()) {
    inWindow += count - (index >= seconds ? (perSecond[index - seconds] ?? 0) : 0);
    most = Math.max(most, inWindow);
  }
  return rounded(most / seconds);
}

function highestSeconds(perSecond: PerSecond): readonly number[] {
  const seconds = minute / second;
  return Array.from({ length: perSecond.length / seconds }, (_, index) =>
    Math.max(...perSecond.subarray(index * seconds, (index + 1) * seconds)),
  );
}

function sumOf(perSecond: PerSecond): number {
  return perSecond.reduce((sum, count) => sum + count, 0);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
