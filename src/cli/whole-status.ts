import type { Connection } from '../client/connection.ts';
import * as methods from '../protocol/methods.ts';
import type { Patience } from '../client/patience.ts';
import type { Answer, DaemonStatus, ProfileStatus } from '../protocol/messages.ts';
import { allPages } from './pages.ts';

/** What `status --json` prints: the answers of all pages as one. */
export interface WholeStatus {
  readonly daemon: DaemonStatus;
  readonly profiles: readonly ProfileStatus[];
}

export async function wholeStatus(
  connection: Connection,
  profile: string | undefined,
  patience: Patience,
): Promise<WholeStatus> {
  let daemon: DaemonStatus | undefined;
  const profiles = await allPages(async (after) => {
    const params = profile === undefined ? after : { profile };
    const page: Answer<'status'> = await connection.ask(methods.status, params, patience);
    daemon = page.daemon;
    return { items: page.profiles, next: page.next };
  });
  if (daemon === undefined) throw new Error('a status without a page');
  return { daemon, profiles };
}
