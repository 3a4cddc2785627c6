/** Answers that come in pages, put together. */
import type { Connection } from '../client/connection.ts';
import type { Patience } from '../client/patience.ts';
import type { DaemonStatus, ProfileStatus, ProfileSummary } from '../protocol/messages.ts';
import * as methods from '../protocol/methods.ts';
import { allPages } from '../protocol/pages.ts';
import { given } from '../shared/given.ts';

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
  const { daemon, profiles } = await allPages((range) =>
    connection.ask(methods.status, { ...given({ profile }), ...range }, patience),
  );
  return { daemon, profiles };
}

export async function allProfiles(
  connection: Connection,
  patience: Patience,
): Promise<readonly ProfileSummary[]> {
  const { profiles } = await allPages((range) => connection.ask(methods.profiles, range, patience));
  return profiles;
}
