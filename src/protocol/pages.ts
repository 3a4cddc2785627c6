interface Page {
  readonly profiles: readonly unknown[];
  readonly next: string | null;
}

/** All pages of an answer as one. It ends where a page does not lead further, whatever it says. */
export async function allPages<P extends Page>(
  ask: (range: { readonly after?: string }) => Promise<P>,
): Promise<P> {
  const first = await ask({});
  const profiles = [...first.profiles];
  const seen = new Set<string>();
  for (let { next } = first; next !== null && !seen.has(next);) {
    seen.add(next);
    const page = await ask({ after: next });
    profiles.push(...page.profiles);
    next = page.next;
  }
  return { ...first, profiles };
}
