import { createHash } from 'node:crypto';
import { Cron } from 'croner';

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
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
    return `is no cron pattern (${error instanceof Error ? error.message : String(error)})`;
  }
  return schedule.nextAfter(fromMs) === null ? 'never fires' : null;
}

/** What a usable pattern will do that its owner may not want; `null` when nothing. */
export function scheduleWarning(pattern: string, fromMs: number): string | null {
  const firings: number[] = [];
  const schedule = cronSchedule(pattern);
  for (let at = schedule.nextAfter(fromMs); at !== null && at < fromMs + dayMs; at = schedule.nextAfter(at)) {
    firings.push(at);
    while ((firings[0] ?? at) <= at - hourMs) firings.shift();
    if (firings.length > firingsInAnHourAtMost) {
      return `the schedule ${JSON.stringify(pattern)} renews more than ${firingsInAnHourAtMost} times in an hour`;
    }
  }
  return null;
}
