/** Results that the daemon returns in pages, joined. */
import type { Connection } from '../client/connection.ts';
import type { Deadline } from '../client/deadline.ts';
import * as methods from '../protocol/methods.ts';
import type { ProfileSummary } from '../protocol/method-types.ts';
import { collectPages, collectStatus, type FullStatus } from '../protocol/collect-pages.ts';

export function fetchStatus(
  connection: Connection,
  profile: string | undefined,
  deadline: Deadline,
  parts: { readonly metrics?: true } = {},
): Promise<FullStatus> {
  return collectStatus((range) => connection.call(methods.status, { profile, ...range, ...parts }, deadline));
}

export async function fetchProfiles(
  connection: Connection,
  deadline: Deadline,
): Promise<readonly ProfileSummary[]> {
  const { profiles } = await collectPages((range) => connection.call(methods.profiles, range, deadline));
  return profiles;
}
