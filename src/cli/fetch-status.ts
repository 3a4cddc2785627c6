/** Results that the daemon returns in pages, joined. */
import type { Connection } from '../client/connection.ts';
import type { Deadline } from '../client/deadline.ts';
import * as methods from '../protocol/methods.ts';
import type { DaemonStatus, ProfileStatus, ProfileSummary } from '../protocol/method-types.ts';
import { collectPages } from '../protocol/collect-pages.ts';

/** Printed by `status --json`. */
export interface FullStatus {
  readonly daemon: DaemonStatus;
  readonly profiles: readonly ProfileStatus[];
}

export async function fetchStatus(
  connection: Connection,
  profile: string | undefined,
  deadline: Deadline,
  parts: { readonly metrics?: true } = {},
): Promise<FullStatus> {
  const { daemon, profiles } = await collectPages((range) =>
    connection.call(methods.status, { profile, ...range, ...parts }, deadline),
  );
  return { daemon, profiles };
}

export async function fetchProfiles(
  connection: Connection,
  deadline: Deadline,
): Promise<readonly ProfileSummary[]> {
  const { profiles } = await collectPages((range) => connection.call(methods.profiles, range, deadline));
  return profiles;
}
