/** Text of a service's own, made fit to be shown: it may hold anything, also what it was sent. */

const longestShown = 300;
/** More of a text than this is not looked at. */
const longestRead = 4_000;
/** So many characters in a row that also stand in the secret are no coincidence. */
const tellingRun = 8;

/** IAM tokens, OAuth tokens and JWTs of anybody (yandex.cloud/en/docs/iam/concepts/authorization, RFC 7515). */
const secretShapes = /\b(?:t1\.|y[0-3]_|AQAA|eyJ)[\w.=-]{8,}/g;

/**
 * @param secret what was sent; no run of 8 of its characters comes through
 * @returns one line of at most 300 characters without control characters
 */
export function sayable(text: string, secret: string): string {
  const line = text
    .slice(0, longestRead)
    .replaceAll(/[\s\p{Z}]+/gu, ' ')
    .replaceAll(/\p{C}/gu, '')
    .trim();
  const safe = withoutRunsOf(secret, line).replaceAll(secretShapes, '[redacted]');
  return safe.length > longestShown ? `${safe.slice(0, longestShown - 1).replace(/\p{Cs}$/u, '')}…` : safe;
}

function withoutRunsOf(secret: string, text: string): string {
  const run = Math.min(tellingRun, secret.length);
  if (run === 0) return text;
  let safe = '';
  let at = 0;
  while (at < text.length) {
    let end = at;
    while (end < text.length && secret.includes(text.slice(at, end + 1))) end += 1;
    const isTelling = end - at >= run;
    safe += isTelling ? '[redacted]' : text.charAt(at);
    at = isTelling ? end : at + 1;
  }
  return safe;
}
