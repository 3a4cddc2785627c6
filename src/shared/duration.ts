const secondMs = 1_000;
const unitPattern = /^(?=.)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;
/** Of the groups of the pattern. */
const unitsMs = [86_400_000, 3_600_000, 60_000, secondMs, 1];

/** Milliseconds of `500ms`, `30s`, `10m`, `1h`, `1d`, of several in this order such as `11h30m`, or plain seconds; else `null`. */
export function parseDuration(text: string): number | null {
  if (/^\d{1,9}$/.test(text)) return Number(text) * secondMs;
  const counts = unitPattern.exec(text)?.slice(1);
  if (counts === undefined) return null;
  return unitsMs.reduce((sumMs, unitMs, index) => sumMs + Number(counts[index] ?? 0) * unitMs, 0);
}

const displayUnitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', secondMs],
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

/** For tables and prompts: `3d4h`, `11h12m`, `42m` or `38s`; rounds down. */
export function formatShortTimeSpan(ms: number): string {
  const seconds = Math.floor(Math.max(ms, 0) / 1_000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)}d${hours % 24}h`;
  if (hours > 0) return `${hours}h${minutes % 60}m`;
  return minutes > 0 ? `${minutes}m` : `${seconds}s`;
}
