import type { MethodResult } from './method-types.ts';

/** A result of `status`, all pages. */
export type FullStatus = Pick<MethodResult<'status'>, 'daemon' | 'profiles'>;

interface Page {
  readonly profiles: readonly unknown[];
  readonly next: string | null;
}

/** Joins all pages of a result. A repeated cursor ends the list, so that a faulty daemon cannot cause a loop. */
export async function collectPages<P extends Page>(
  callPage: (cursor: { readonly after?: string }) => Promise<P>,
): Promise<P> {
  const first = await callPage({});
  const profiles = [...first.profiles];
  const seenCursors = new Set<string>();
  for (let { next } = first; next !== null && !seenCursors.has(next);) {
    seenCursors.add(next);
    const page = await callPage({ after: next });
    profiles.push(...page.profiles);
    next = page.next;
  }
  return { ...first, profiles };
}

/** @param callPage calls `status` */
export async function collectStatus(
  callPage: (cursor: { readonly after?: string }) => Promise<MethodResult<'status'>>,
): Promise<FullStatus> {
  const { daemon, profiles } = await collectPages(callPage);
  return { daemon, profiles };
}
