/** Answers that come in pages, put together. */
import type { Connection } from '../client/connection.ts';
import type { Patience } from '../client/patience.ts';
import type { DaemonStatus, ProfileStatus, ProfileSummary } from '../protocol/messages.ts';
import * as methods from '../protocol/methods.ts';
import { given } from '../shared/given.ts';

interface Page<T> {
  readonly profiles: readonly T[];
  readonly next: string | null;
}

/** What `status --json` prints. */
export interface WholeStatus {
  readonly daemon: DaemonStatus;
  readonly profiles: readonly ProfileStatus[];
}

export async function wholeStatus(
  connection: Connection,
  profile: string | undefined,
  patience: Patience,
): Promise<WholeStatus> {
  const first = await connection.ask(methods.status, given({ profile }), patience);
  const profiles = await profilesFrom(first, (after) => connection.ask(methods.status, { after }, patience));
  return { daemon: first.daemon, profiles };
}

export async function allProfiles(
  connection: Connection,
  patience: Patience,
): Promise<readonly ProfileSummary[]> {
  const first = await connection.ask(methods.profiles, {}, patience);
  return profilesFrom(first, (after) => connection.ask(methods.profiles, { after }, patience));
}

/** Ends where a page does not lead further. */
async function profilesFrom<T>(
  first: Page<T>,
  ask: (after: string) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const found = [...first.profiles];
  const seen = new Set<string>();
  for (let { next } = first; next !== null && !seen.has(next);) {
    seen.add(next);
    const page = await ask(next);
    found.push(...page.profiles);
    next = page.next;
  }
  return found;
}
