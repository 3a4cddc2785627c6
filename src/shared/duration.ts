const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of `500ms`, `30s`, `10m`, `1h` or plain seconds; `null` for anything else. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h)?$/.exec(text);
  if (match === null) return null;
  return Number(match[1]) * unitsMs[(match[2] ?? 's') as keyof typeof unitsMs];
}

const displayUnitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** The two largest units that are not zero, such as `11 h 12 min` or `38 s`; rounds down to seconds. */
export function formatTimeSpan(ms: number): string {
  let remainingMs = Math.max(ms, 0);
  const parts: string[] = [];
  for (const [unit, unitMs] of displayUnitsMs) {
    const count = Math.floor(remainingMs / unitMs);
    remainingMs -= count * unitMs;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}
