/** The candidate that somebody most likely meant: at most two edits away, fewer for short words; or `undefined`. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  for (let edits = 0; edits <= (word.length < 4 ? 1 : 2); edits += 1) {
    const found = candidates.find((candidate) => areWithin(edits, word, candidate));
    if (found !== undefined) return found;
  }
  return candidates.find((candidate) => word.length >= 3 && candidate.startsWith(word));
}

/** Whether so many insertions, deletions, replacements and swaps of neighbours make one word of the other. */
function areWithin(edits: number, a: string, b: string): boolean {
  if (a === b) return true;
  if (edits === 0) return false;
  if (a !== '' && a[0] === b[0]) return areWithin(edits, a.slice(1), b.slice(1));
  const isSwapped = a.length > 1 && a[0] === b[1] && a[1] === b[0];
  return (
    areWithin(edits - 1, a.slice(1), b) ||
    areWithin(edits - 1, a, b.slice(1)) ||
    areWithin(edits - 1, a.slice(1), b.slice(1)) ||
    (isSwapped && areWithin(edits - 1, a.slice(2), b.slice(2)))
  );
}
