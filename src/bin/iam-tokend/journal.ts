import { fstatSync } from 'node:fs';

/** systemd names the journal's device and inode, for a child may have inherited the variable and not the stream. */
export function toJournal(): boolean {
  const named = process.env['JOURNAL_STREAM'];
  // Elsewhere there may be no stderr to look at.
  if (named === undefined) return false;
  // As bigints: what a stat in numbers has found is still there when Node next resolves an import, and after a pipe or
  // a socket that takes no link for one (seen with Node 20.20: packages behind a link were loaded twice, one empty).
  const { dev, ino } = fstatSync(2, { bigint: true });
  return named === `${dev}:${ino}`;
}
