const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of `500ms`, `30s`, `10m`, `1h` or plain seconds; `null` for anything else. */
export function durationMs(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h)?$/.exec(text);
  if (match === null) return null;
  return Number(match[1]) * unitsMs[(match[2] ?? 's') as keyof typeof unitsMs];
}

const spanUnitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** The two largest units that count: `11 h 12 min`, `38 s`. What lies below a second is left out. */
export function span(ms: number): string {
  let rest = Math.max(ms, 0);
  const parts: string[] = [];
  for (const [unit, unitMs] of spanUnitsMs) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}
