import type { Connection } from '../client/connection.ts';
import * as methods from '../protocol/methods.ts';
import type { Patience } from '../client/patience.ts';
import type { ProfileSummary } from '../protocol/messages.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** All items of an answer that comes in pages; ends when a page does not lead further. */
export async function allPages<T>(
  ask: (after: { readonly after?: string }) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const items: T[] = [];
  const seen = new Set<string>();
  let page = await ask({});
  items.push(...page.items);
  while (page.next !== null && !seen.has(page.next)) {
    seen.add(page.next);
    page = await ask({ after: page.next });
    items.push(...page.items);
  }
  return items;
}

export function allProfiles(connection: Connection, patience: Patience): Promise<readonly ProfileSummary[]> {
  return allPages(async (after) => {
    const page = await connection.ask(methods.profiles, after, patience);
    return { items: page.profiles, next: page.next };
  });
}
