/** What the headers of an answer say of time. A header that makes no sense is as good as none. */
type Headers = ReadonlyMap<string, string>;

/** The clock of who answered, in milliseconds since the epoch; `null` without a readable `Date`. */
export function serverTimeMs(headers: Headers): number | null {
  return httpDateMs(headers.get('date') ?? '');
}

/**
 * How long to leave the service alone by its `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. As long as
 * it says, however long that is.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | null {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const atMs = httpDateMs(value);
  return atMs === null || atMs < nowMs ? null : atMs - nowMs;
}

/** IMF-fixdate of RFC 9110, section 5.6.7: the one form that may be sent. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

function httpDateMs(text: string): number | null {
  const atMs = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : atMs;
}
