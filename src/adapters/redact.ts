/** The start of a word, also after an escaped line break (`\x0a`, `%0A`) and within a variable's name. */
const wordStart = String.raw`(?<=^|[\W_]|\\[bfnrt]|\\x[\da-f]{2}|\\u[\da-f]{4}|%[\dA-Fa-f]{2})`;

/**
 * Patterns of secrets, replaced in every log line as a last safeguard: no caller logs a secret on purpose. Sources:
 * yandex.cloud/en/docs/iam/concepts/authorization (IAM and OAuth tokens; keys of Object Storage and their session
 * tokens, "Ephemeral key format", November 2026), RFC 7515 (JWT), RFC 7468 (PEM).
 */
const secretPatterns = [
  new RegExp(String.raw`${wordStart}t1\.[\w-]+={0,2}(?:\.[\w-]+={0,2})?`, 'g'),
  new RegExp(String.raw`${wordStart}(?:y[0-3]_|AQAA)[\w-]{10,}`, 'g'),
  new RegExp(String.raw`${wordStart}YC[\w-]{38,}`, 'g'),
  new RegExp(String.raw`${wordStart}s1\.[\w.=-]{100,}`, 'g'),
  new RegExp(String.raw`${wordStart}eyJ[\w-]{1,2000}\.[\w-]+\.[\w-]*`, 'g'),
  /-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g,
  /(?<=\bBearer )[^\s"]+/gi,
];

export function redact(text: string): string {
  return secretPatterns
    .reduce((redacted, pattern) => redacted.replace(pattern, '[redacted]'), text)
    .replace(/\S+/g, redactUserInfo);
}

/**
 * User and password of a URL, with or without its scheme, up to the last `@` of the word: people write `@`, `#` and `/` in
 * passwords unescaped. A word with several URLs loses what is between them.
 */
function redactUserInfo(word: string): string {
  const end = word.lastIndexOf('@');
  if (end === -1) return word;
  const head = word.slice(0, end);
  // Not a file URL in a stack trace, and not the drive of a Windows path.
  const start =
    /(?<!\bfile):\/\//.exec(head) ?? /(?:^|["'`(<=,;])(?!file:|[A-Za-z]:[\\/])(?=[^"'`(<=,;@:]+:)/.exec(head);
  return start === null
    ? word
    : `${word.slice(0, start.index + start[0].length)}[redacted]${word.slice(end)}`;
}
