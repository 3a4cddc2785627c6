import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { errorMessage } from '../shared/error-utils.ts';
import { maxTokenLifetimeMs } from '../token/token.ts';

/** The default. */
const hourlyPattern = '0 * * * *';
const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;
/** A token lasts for hours: more renewals than this are likely a mistake, and cause a warning. */
const maxFiringsPerHour = 12;

/** Renewal times given by a cron pattern: https://croner.56k.guru/usage/pattern/ */
export interface Schedule {
  /** The first firing after `afterMs`, in milliseconds since the epoch; `null` if it never fires again. */
  nextAfter(afterMs: number): number | null;
}

/**
 * @param pattern five fields, or six with seconds, in the machine's time zone
 * @param shiftMs as `shiftSchedule`
 * @throws Error if croner rejects the pattern
 */
export function createCronSchedule(pattern: string, shiftMs = 0): Schedule {
  const cron = new Cron(pattern, { paused: true });
  const nextAfter = (afterMs: number): number | null => cron.nextRun(new Date(afterMs))?.getTime() ?? null;
  return shiftSchedule({ nextAfter }, shiftMs);
}

/** @param shiftMs delays every firing, so that daemons do not renew at the same time */
export function shiftSchedule(schedule: Schedule, shiftMs: number): Schedule {
  return {
    nextAfter: (afterMs) => {
      const nextMs = schedule.nextAfter(afterMs - shiftMs);
      return nextMs === null ? null : nextMs + shiftMs;
    },
  };
}

/** A stable offset within the hour, uniformly distributed over different `parts`. */
export function hourlyShiftMs(...parts: readonly string[]): number {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32BE(0);
  return Math.floor((hash / 2 ** 32) * hourMs);
}

/** Why a pattern cannot be used; `null` if it can. */
export function findScheduleViolation(pattern: string, fromMs: number): string | null {
  let schedule: Schedule;
  try {
    schedule = createCronSchedule(pattern);
  } catch (error) {
    return `is not a cron pattern (${errorMessage(error)})`;
  }
  return schedule.nextAfter(fromMs) === null ? 'never fires' : null;
}

/** Likely mistakes in a valid pattern. */
export function findScheduleWarnings(pattern: string, fromMs: number): readonly string[] {
  // Computing its times would take a tenth of the daemon's start.
  if (pattern === hourlyPattern) return [];
  const schedule = createCronSchedule(pattern);
  const scheduleName = `the schedule ${JSON.stringify(pattern)}`;
  return [
    ...(firesTooOften(schedule, fromMs)
      ? [`${scheduleName} renews more than ${maxFiringsPerHour} times an hour`]
      : []),
    ...(hasLongGap(schedule, fromMs)
      ? [
          `${scheduleName} leaves more than ${maxTokenLifetimeMs / hourMs} hours between two renewals; ` +
            'tokens are also renewed when a tenth of their lifetime is left',
        ]
      : []),
  ];
}

function firesTooOften(schedule: Schedule, fromMs: number): boolean {
  const firings: number[] = [];
  for (
    let atMs = schedule.nextAfter(fromMs);
    atMs !== null && atMs < fromMs + dayMs;
    atMs = schedule.nextAfter(atMs)
  ) {
    firings.push(atMs);
    while ((firings[0] ?? atMs) <= atMs - hourMs) firings.shift();
    if (firings.length > maxFiringsPerHour) return true;
  }
  return false;
}

/**
 * Whether a gap longer than a token's lifetime begins within a week. Such a gap contains a multiple of that lifetime after
 * `fromMs`, so checking these times is enough, and faster than checking every firing.
 */
function hasLongGap(schedule: Schedule, fromMs: number): boolean {
  for (let atMs = fromMs; atMs <= fromMs + weekMs; atMs += maxTokenLifetimeMs) {
    const nextMs = schedule.nextAfter(atMs);
    if (nextMs === null || schedule.nextAfter(nextMs - maxTokenLifetimeMs - 1) === nextMs) return true;
  }
  return false;
}
