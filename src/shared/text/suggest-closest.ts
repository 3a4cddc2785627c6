/** The closest candidate: at most two edits away, one for words of up to three letters; else one that it abbreviates. */
export function suggestClosest(word: string, candidates: readonly string[]): string | undefined {
  for (let edits = 0; edits <= (word.length < 4 ? 1 : 2); edits += 1) {
    const closest = candidates.find((candidate) => isWithinEdits(edits, word, candidate));
    if (closest !== undefined) return closest;
  }
  return candidates.find((candidate) => word.length >= 3 && candidate.startsWith(word));
}

/** Whether this many insertions, deletions, replacements or swaps of neighbours turn `a` into `b`. */
function isWithinEdits(edits: number, a: string, b: string): boolean {
  if (a === b) return true;
  if (edits === 0) return false;
  if (a !== '' && a[0] === b[0]) return isWithinEdits(edits, a.slice(1), b.slice(1));
  const isSwapped = a.length > 1 && a[0] === b[1] && a[1] === b[0];
  return (
    isWithinEdits(edits - 1, a.slice(1), b) ||
    isWithinEdits(edits - 1, a, b.slice(1)) ||
    isWithinEdits(edits - 1, a.slice(1), b.slice(1)) ||
    (isSwapped && isWithinEdits(edits - 1, a.slice(2), b.slice(2)))
  );
}
