import { hour, minute, second } from '../support/time/durations.ts';
import {
  assumptions,
  dayMs,
  simulateFleetDay,
  type FleetDayOptions,
  simulateCronDay,
  type ExchangesPerSecond,
} from './fleet.ts';

const startupMs = minute;
const outageFromMs = (dayMs - assumptions.outageMs) / 2;
const outageToMs = outageFromMs + assumptions.outageMs;
export const outage = [outageFromMs, outageToMs] as const;

/** The spans that are measured; together they cover each day. */
const spans = {
  start: { day: 'calm', fromMs: 0, toMs: startupMs },
  calm: { day: 'calm', fromMs: startupMs, toMs: dayMs },
  outage: { day: 'outage', fromMs: outageFromMs, toMs: outageToMs },
  afterOutage: { day: 'outage', fromMs: outageToMs, toMs: outageToMs + hour },
  restOfDay: { day: 'outage', fromMs: outageToMs + hour, toMs: dayMs },
} as const;

export type Span = keyof typeof spans;

/** Exchanges per second: the mean, and the highest means over 1, 10 and 60 s. */
export interface Load {
  readonly mean: number;
  readonly peak1s: number;
  readonly peak10s: number;
  readonly peak60s: number;
}

export interface Results {
  readonly seed: number;
  readonly commit: string;
  readonly daemons: number;
  readonly assumptions: typeof assumptions;
  readonly fleet: Readonly<Record<Span, Load>>;
  readonly naive: Readonly<Record<Span, Load>>;
  /** For the day with the outage: the highest second of each minute. */
  readonly minutes: { readonly fleet: readonly number[]; readonly naive: readonly number[] };
  /** Exchanges of a few daemons in the day with the outage, which a test repeats to detect changes of behavior. */
  readonly sample: { readonly daemons: number; readonly exchanges: number };
}

const sampleDaemons = 500;

export function simulateFleet(daemons: number, seed: number, commit: string): Results {
  const day = (outageInterval: FleetDayOptions['outage'], daemonCount = daemons): FleetDayOptions => ({
    daemons: daemonCount,
    seed,
    outage: outageInterval,
  });
  const fleet = { calm: simulateFleetDay(day(null)), outage: simulateFleetDay(day(outage)) };
  const naive = { calm: simulateCronDay(day(null)), outage: simulateCronDay(day(outage)) };
  return {
    seed,
    commit,
    daemons,
    assumptions,
    fleet: measureLoads(fleet),
    naive: measureLoads(naive),
    minutes: { fleet: minutePeaks(fleet.outage), naive: minutePeaks(naive.outage) },
    sample: simulateSample(seed),
  };
}

export function simulateSample(seed: number): Results['sample'] {
  const perSecond = simulateFleetDay({ daemons: sampleDaemons, seed, outage });
  return { daemons: sampleDaemons, exchanges: perSecond.reduce((sum, count) => sum + count, 0) };
}

function measureLoads(
  days: Readonly<Record<'calm' | 'outage', ExchangesPerSecond>>,
): Readonly<Record<Span, Load>> {
  const load = (span: Span): Load => {
    const { day, fromMs, toMs } = spans[span];
    return measureLoad(days[day].subarray(fromMs / second, toMs / second));
  };
  return {
    start: load('start'),
    calm: load('calm'),
    outage: load('outage'),
    afterOutage: load('afterOutage'),
    restOfDay: load('restOfDay'),
  };
}

function measureLoad(perSecond: ExchangesPerSecond): Load {
  return {
    mean: roundToHundredths(sumOf(perSecond) / perSecond.length),
    peak1s: peakRate(perSecond, 1),
    peak10s: peakRate(perSecond, 10),
    peak60s: peakRate(perSecond, 60),
  };
}

/** The highest mean over any window of this many seconds. */
export function peakRate(perSecond: ExchangesPerSecond, seconds: number): number {
  let windowCount = 0;
  let maxWindowCount = 0;
  for (const [index, count] of perSecond.entries()) {
    windowCount += count - (index >= seconds ? (perSecond[index - seconds] ?? 0) : 0);
    maxWindowCount = Math.max(maxWindowCount, windowCount);
  }
  return roundToHundredths(maxWindowCount / seconds);
}

function minutePeaks(perSecond: ExchangesPerSecond): readonly number[] {
  const seconds = minute / second;
  return Array.from({ length: perSecond.length / seconds }, (_, index) =>
    Math.max(...perSecond.subarray(index * seconds, (index + 1) * seconds)),
  );
}

function sumOf(perSecond: ExchangesPerSecond): number {
  return perSecond.reduce((sum, count) => sum + count, 0);
}

function roundToHundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
