const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of `500ms`, `30s`, `10m`, `1h` or plain seconds; `null` for anything else. */
export function durationMs(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h)?$/.exec(text);
  if (match === null) return null;
  return Number(match[1]) * unitsMs[(match[2] ?? 's') as keyof typeof unitsMs];
}
