import fc from 'fast-check';
import { day, hour, minute, second, year } from '../support/durations.ts';
import type { Incident, Plan, Setting } from './plan.ts';

const often = <T>(weight: number, value: T): { weight: number; arbitrary: fc.Arbitrary<T> } => ({
  weight,
  arbitrary: fc.constant(value),
});

/** Mostly short, sometimes long; shrinks to short. */
function duration(...ms: readonly number[]): fc.Arbitrary<number> {
  return fc
    .tuple(fc.constantFrom(...ms), fc.integer({ min: 50, max: 100 }))
    .map(([most, percent]) => Math.round((most * percent) / 100));
}

const clockErrors = [0, 30 * second, 2 * minute, 3 * hour, 20 * hour, year, 20 * year];

const settings: fc.Arbitrary<Setting> = fc
  .record({
    seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    lifeMs: fc.oneof(often(4, 12 * hour), often(3, hour), often(1, 20 * minute), often(2, null)),
    tellsTime: fc.oneof(often(4, true), often(1, false)),
    sameAgainAboveMs: fc.oneof(often(1, null), often(1, 10 * minute), often(1, 6 * hour)),
    answersOlder: fc.boolean(),
    monotonicSleeps: fc.oneof(often(2, true), often(1, false)),
    clockErrorMs: fc.oneof(
      often(6, 0),
      { weight: 1, arbitrary: fc.constantFrom(...clockErrors) },
      { weight: 1, arbitrary: fc.constantFrom(...clockErrors.map((ms) => -ms)) },
    ),
    scheduleMs: fc.oneof(often(4, hour), often(1, 6 * hour), often(1, null), often(1, 20 * minute)),
    keeps: fc.oneof(often(4, true), often(1, false)),
    askEveryMs: fc.constantFrom(hour, 3 * hour, 12 * hour),
  })
  .map((setting) => ({ ...setting, clockErrorMs: honest(setting, setting.clockErrorMs) }));

/** The clock's error as far as a program could ever find it out: see `plan.ts`. */
function honest({ tellsTime, keeps }: Pick<Setting, 'tellsTime' | 'keeps'>, errorMs: number): number {
  if (!keeps) return 0;
  return tellsTime ? errorMs : Math.abs(errorMs);
}

function incidentWithin(lastsMs: number): fc.Arbitrary<Incident> {
  const whenever = fc
    .tuple(fc.nat(Math.max(Math.floor(lastsMs / day) - 1, 0)), fc.nat(day / second - 1))
    .map(([days, seconds]) => days * day + seconds * second);
  /** While the exchange is under way that the schedule starts at the hour. */
  const inAnExchange = fc
    .tuple(whenever, fc.nat(2 * second))
    .map(([ms, laterMs]) => Math.floor(ms / hour) * hour + laterMs);
  const atMs = fc.oneof({ weight: 2, arbitrary: whenever }, { weight: 1, arbitrary: inAnExchange });
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('sleep' as const),
        atMs,
        forMs: duration(minute, 30 * minute, 8 * hour, 14 * hour, 3 * day),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('outage' as const),
        atMs,
        outage: fc.constantFrom('unreachable', 'hanging', 'busy', 'junk', 'dead_tokens'),
        forMs: duration(minute, 20 * minute, 2 * hour, 16 * hour),
        retryAfterMs: fc.constantFrom(0, 30 * second, 20 * minute, 5 * hour),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('refusal' as const),
        atMs,
        refusal: fc.constantFrom('revoked', 'no_role', 'needs_person'),
        forMs: duration(30 * minute, 5 * hour, 2 * day),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('clock' as const),
        atMs,
        errorMs: fc.constantFrom(...clockErrors, 0, 0, ...clockErrors.map((ms) => -ms)),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('restart' as const),
        atMs,
        manner: fc.constantFrom('stopped', 'killed'),
        downMs: duration(second, minute, 3 * hour, 10 * hour, 14 * hour, 2 * day),
        clock: fc.constantFrom('same', 'right', 'lost'),
        readingMs: fc.constantFrom(10, 3 * second),
        lockedMs: fc.oneof(often(3, 0), often(1, 20 * minute)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('journey' as const),
        atMs,
        errorMs: fc.constantFrom(3 * hour, -3 * hour, 0, -year),
        sleepMs: duration(hour, 14 * hour),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('login' as const), atMs }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('logout' as const),
        atMs,
        forMs: duration(minute, 10 * hour),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('refresh' as const), atMs }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('burst' as const), atMs, requests: fc.nat(50) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('polling' as const),
        atMs,
        everyMs: fc.constantFrom(second, 10 * second, minute),
        forMs: duration(5 * minute, hour),
        minTtlMs: fc.constantFrom(0, 10 * minute, 11 * hour, 12 * hour),
      }),
    },
  );
}

/** Random days: so many incidents a day on average, at most. */
export function plans(lastsMs: number, incidentsADay = 1): fc.Arbitrary<Plan> {
  const maxLength = Math.ceil((lastsMs / day) * incidentsADay);
  return fc
    .record({
      lastsMs: fc.constant(lastsMs),
      setting: settings,
      incidents: fc.array(incidentWithin(lastsMs), { maxLength, size: 'max' }),
    })
    .map((plan) => ({
      ...plan,
      incidents: plan.incidents.map((incident) => honestly(plan.setting, incident)),
    }));
}

function honestly(setting: Setting, incident: Incident): Incident {
  if (incident.kind === 'clock' || incident.kind === 'journey')
    return { ...incident, errorMs: honest(setting, incident.errorMs) };
  if (incident.kind === 'restart' && incident.clock === 'lost' && !(setting.tellsTime && setting.keeps)) {
    return { ...incident, clock: 'same' };
  }
  return incident;
}
