/** The candidate that somebody most likely meant: at most two edits away, fewer for short words; or `undefined`. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const allowed = word.length < 4 ? 1 : 2;
  let best: string | undefined;
  let fewest = allowed + 1;
  for (const candidate of candidates) {
    const edits = editsBetween(word, candidate);
    if (edits < fewest) {
      fewest = edits;
      best = candidate;
    }
  }
  return best ?? candidates.find((candidate) => word.length >= 3 && candidate.startsWith(word));
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      const options = [(row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1)];
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] && i > 1 && j > 1)
        options.push((before[j - 2] ?? 0) + 1);
      row.push(Math.min(...options));
    }
    before = last;
    last = row;
  }
  return last.at(-1) ?? 0;
}
