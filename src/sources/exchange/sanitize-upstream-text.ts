/** Makes the text of a service safe to show: it may contain anything, even the secret that was sent. */

const maxOutputLength = 300;
const maxInputLength = 4_000;
/** A run of this many characters that also occurs in the secret is no coincidence. */
const minSecretRunLength = 8;

/** IAM tokens, OAuth tokens and JWTs (yandex.cloud/en/docs/iam/concepts/authorization, RFC 7515). */
const knownTokenPattern = /\b(?:t1\.|y[0-3]_|AQAA|eyJ)[\w.=-]{8,}/g;

/**
 * @param secret the secret that was sent; runs of 8 or more of its characters are redacted
 * @returns one line of at most 300 characters without control characters
 */
export function sanitizeUpstreamText(text: string, secret: string): string {
  const line = text
    .slice(0, maxInputLength)
    .replaceAll(/[\s\p{Z}]+/gu, ' ')
    .replaceAll(/\p{C}/gu, '')
    .trim();
  const safe = redactSecretRuns(secret, line).replaceAll(knownTokenPattern, '[redacted]');
  return safe.length > maxOutputLength
    ? `${safe.slice(0, maxOutputLength - 1).replace(/\p{Cs}$/u, '')}…`
    : safe;
}

function redactSecretRuns(secret: string, text: string): string {
  const minRunLength = Math.min(minSecretRunLength, secret.length);
  if (minRunLength === 0) return text;
  let safe = '';
  let start = 0;
  while (start < text.length) {
    let end = start;
    while (end < text.length && secret.includes(text.slice(start, end + 1))) end += 1;
    const isSecretRun = end - start >= minRunLength;
    safe += isSecretRun ? '[redacted]' : text.charAt(start);
    start = isSecretRun ? end : start + 1;
  }
  return safe;
}
