import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { messageOf } from '../shared/thrown.ts';
import { longestTokenLifeMs } from '../token/iam-token.ts';

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;
/** A token lives for hours: who renews more often is asked whether that was meant. */
const firingsInAnHourAtMost = 12;

/** When to renew, as a cron pattern says: https://croner.56k.guru/usage/pattern/ */
export interface Schedule {
  /** The first firing after a moment, both in milliseconds since the epoch; `null` when it never fires again. */
  nextAfter(afterMs: number): number | null;
}

/**
 * @param pattern five fields, or six with seconds, in the machine's time zone
 * @param shiftMs moves every firing later, so that not everybody comes at once
 * @throws Error for a pattern that croner does not understand
 */
export function cronSchedule(pattern: string, shiftMs = 0): Schedule {
  const cron = new Cron(pattern, { paused: true });
  return {
    nextAfter: (afterMs) => {
      const next = cron.nextRun(new Date(afterMs - shiftMs));
      return next === null ? null : next.getTime() + shiftMs;
    },
  };
}

/** The place in the hour of somebody named by `parts`: always the same, and as good as random among many. */
export function shiftWithinHourMs(...parts: readonly string[]): number {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32BE(0);
  return Math.floor((hash / 2 ** 32) * hourMs);
}

/** What is wrong with a pattern; `null` when it can be used. */
export function scheduleFault(pattern: string, fromMs: number): string | null {
  let schedule: Schedule;
  try {
    schedule = cronSchedule(pattern);
  } catch (error) {
    return `is no cron pattern (${messageOf(error)})`;
  }
  return schedule.nextAfter(fromMs) === null ? 'never fires' : null;
}

/** What a usable pattern will do that its owner may not want. */
export function scheduleWarnings(pattern: string, fromMs: number): readonly string[] {
  const schedule = cronSchedule(pattern);
  const name = `the schedule ${JSON.stringify(pattern)}`;
  return [
    ...(isCrowded(schedule, fromMs)
      ? [`${name} renews more than ${firingsInAnHourAtMost} times in an hour`]
      : []),
    ...(leavesGap(schedule, fromMs)
      ? [
          `${name} leaves more than ${longestTokenLifeMs / hourMs} hours between two renewals, and no token lives so ` +
            'long; one that has a tenth of its life left is renewed all the same',
        ]
      : []),
  ];
}

function isCrowded(schedule: Schedule, fromMs: number): boolean {
  const firings: number[] = [];
  for (let at = schedule.nextAfter(fromMs); at !== null && at < fromMs + dayMs; at = schedule.nextAfter(at)) {
    firings.push(at);
    while ((firings[0] ?? at) <= at - hourMs) firings.shift();
    if (firings.length > firingsInAnHourAtMost) return true;
  }
  return false;
}

/**
 * Whether a gap begins within a week that is longer than a token can live. It lies over one of the moments that are so
 * far apart; to look at those alone is quicker than to walk from firing to firing.
 */
function leavesGap(schedule: Schedule, fromMs: number): boolean {
  for (let moment = fromMs; moment <= fromMs + weekMs; moment += longestTokenLifeMs) {
    const next = schedule.nextAfter(moment);
    if (next === null || schedule.nextAfter(next - longestTokenLifeMs - 1) === next) return true;
  }
  return false;
}
