import fc from 'fast-check';
import { day, hour, minute, second, year } from '../support/time/durations.ts';
import type { Incident, Plan, Setting } from './plan.ts';

const weighted = <T>(weight: number, value: T): { weight: number; arbitrary: fc.Arbitrary<T> } => ({
  weight,
  arbitrary: fc.constant(value),
});

/** 50 to 100 % of one of these; shrinks to the first. */
function duration(...ms: readonly number[]): fc.Arbitrary<number> {
  return fc
    .tuple(fc.constantFrom(...ms), fc.integer({ min: 50, max: 100 }))
    .map(([maxMs, percent]) => Math.round((maxMs * percent) / 100));
}

const clockErrors = [0, 30 * second, 2 * minute, 3 * hour, 20 * hour, year, 20 * year];

const settings: fc.Arbitrary<Setting> = fc
  .record({
    seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    tokenLifetimeMs: fc.oneof(
      weighted(4, 12 * hour),
      weighted(3, hour),
      weighted(1, 20 * minute),
      weighted(2, null),
    ),
    sendsDate: fc.oneof(weighted(4, true), weighted(1, false)),
    reuseTokenAboveMs: fc.oneof(weighted(1, null), weighted(1, 10 * minute), weighted(1, 6 * hour)),
    returnsOlderTokens: fc.boolean(),
    monotonicStopsInSleep: fc.oneof(weighted(2, true), weighted(1, false)),
    clockErrorMs: fc.oneof(
      weighted(6, 0),
      { weight: 1, arbitrary: fc.constantFrom(...clockErrors) },
      { weight: 1, arbitrary: fc.constantFrom(...clockErrors.map((ms) => -ms)) },
    ),
    scheduleMs: fc.oneof(
      weighted(4, hour),
      weighted(1, 6 * hour),
      weighted(1, null),
      weighted(1, 20 * minute),
    ),
    persistsTokens: fc.oneof(weighted(4, true), weighted(1, false)),
    requestIntervalMs: fc.constantFrom(hour, 3 * hour, 12 * hour),
  })
  .map((setting) => ({ ...setting, clockErrorMs: detectableClockErrorMs(setting, setting.clockErrorMs) }));

/** Without the errors that no program could detect: see `plan.ts`. */
function detectableClockErrorMs(
  { sendsDate, persistsTokens }: Pick<Setting, 'sendsDate' | 'persistsTokens'>,
  errorMs: number,
): number {
  if (!persistsTokens) return 0;
  return sendsDate ? errorMs : Math.abs(errorMs);
}

type IncidentOption = fc.MaybeWeightedArbitrary<Incident>;

/** The order of the options decides which plans a seed generates. */
function createIncident(durationMs: number): fc.Arbitrary<Incident> {
  const anyTimeMs = fc
    .tuple(fc.nat(Math.max(Math.floor(durationMs / day) - 1, 0)), fc.nat(day / second - 1))
    .map(([days, seconds]) => days * day + seconds * second);
  /** Just after the hour, when the schedule has started an exchange. */
  const duringExchangeMs = fc
    .tuple(anyTimeMs, fc.nat(2 * second))
    .map(([ms, offsetMs]) => Math.floor(ms / hour) * hour + offsetMs);
  const atMs = fc.oneof({ weight: 2, arbitrary: anyTimeMs }, { weight: 1, arbitrary: duringExchangeMs });
  return fc.oneof(
    createSleep(atMs),
    ...createServiceIncidents(atMs),
    ...createMachineIncidents(atMs),
    ...createUserIncidents(atMs),
    ...createClientIncidents(atMs),
  );
}

function createSleep(atMs: fc.Arbitrary<number>): IncidentOption {
  return {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('sleep' as const),
      atMs,
      durationMs: duration(minute, 30 * minute, 8 * hour, 14 * hour, 3 * day),
    }),
  };
}

function createServiceIncidents(atMs: fc.Arbitrary<number>): readonly IncidentOption[] {
  return [
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('outage' as const),
        atMs,
        outage: fc.constantFrom('unreachable', 'hanging', 'busy', 'html_page', 'expired_tokens'),
        durationMs: duration(minute, 20 * minute, 2 * hour, 16 * hour),
        retryAfterMs: fc.constantFrom(0, 30 * second, 20 * minute, 5 * hour),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('credential_failure' as const),
        atMs,
        credentialFailure: fc.constantFrom('revoked', 'no_role', 'interaction_required'),
        durationMs: duration(30 * minute, 5 * hour, 2 * day),
      }),
    },
  ];
}

function createMachineIncidents(atMs: fc.Arbitrary<number>): readonly IncidentOption[] {
  return [
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
        shutdown: fc.constantFrom('stopped', 'killed'),
        downtimeMs: duration(second, minute, 3 * hour, 10 * hour, 14 * hour, 2 * day),
        clock: fc.constantFrom('same', 'right', 'lost'),
        loadDelayMs: fc.constantFrom(10, 3 * second),
        lockDurationMs: fc.oneof(weighted(3, 0), weighted(1, 20 * minute)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('travel' as const),
        atMs,
        errorMs: fc.constantFrom(3 * hour, -3 * hour, 0, -year),
        sleepMs: duration(hour, 14 * hour),
      }),
    },
  ];
}

function createUserIncidents(atMs: fc.Arbitrary<number>): readonly IncidentOption[] {
  return [
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('login' as const), atMs }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('logout' as const),
        atMs,
        durationMs: duration(minute, 10 * hour),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('refresh' as const), atMs }) },
  ];
}

function createClientIncidents(atMs: fc.Arbitrary<number>): readonly IncidentOption[] {
  return [
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('burst' as const), atMs, requests: fc.nat(50) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('polling' as const),
        atMs,
        intervalMs: fc.constantFrom(second, 10 * second, minute),
        durationMs: duration(5 * minute, hour),
        minTtlMs: fc.constantFrom(0, 10 * minute, 11 * hour, 12 * hour),
      }),
    },
  ];
}

/** @param incidentsPerDay at most, on average */
export function plans(durationMs: number, incidentsPerDay = 1): fc.Arbitrary<Plan> {
  const maxLength = Math.ceil((durationMs / day) * incidentsPerDay);
  return fc
    .record({
      durationMs: fc.constant(durationMs),
      setting: settings,
      incidents: fc.array(createIncident(durationMs), { maxLength, size: 'max' }),
    })
    .map((plan) => ({
      ...plan,
      incidents: plan.incidents.map((incident) => withDetectableClockErrors(plan.setting, incident)),
    }));
}

function withDetectableClockErrors(setting: Setting, incident: Incident): Incident {
  if (incident.kind === 'clock' || incident.kind === 'travel')
    return { ...incident, errorMs: detectableClockErrorMs(setting, incident.errorMs) };
  if (
    incident.kind === 'restart' &&
    incident.clock === 'lost' &&
    !(setting.sendsDate && setting.persistsTokens)
  ) {
    return { ...incident, clock: 'same' };
  }
  return incident;
}
