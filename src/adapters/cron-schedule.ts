import { createHash } from 'node:crypto';
import { Cron } from 'croner';

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;

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

/** The most firings that any hour of the next day sees; looks at no more than `atMost` + 1 of them. */
export function firingsInAnHour(schedule: Schedule, fromMs: number, atMost: number): number {
  const firings: number[] = [];
  let most = 0;
  for (let at = schedule.nextAfter(fromMs); at !== null && at < fromMs + dayMs; at = schedule.nextAfter(at)) {
    firings.push(at);
    while ((firings[0] ?? at) <= at - hourMs) firings.shift();
    most = Math.max(most, firings.length);
    if (most > atMost) break;
  }
  return most;
}
