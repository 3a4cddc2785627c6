/** Where a word begins, also after an escaped line break (`\x0a`, `%0A`) and inside the name of a variable. */
const start = String.raw`(?<=^|[\W_]|\\[bfnrt]|\\x[\da-f]{2}|\\u[\da-f]{4}|%[\dA-Fa-f]{2})`;

/**
 * What a secret looks like, for the last gate before a log is written. Nobody passes one in; this is for the day on
 * which somebody does. Shapes: yandex.cloud/en/docs/iam/concepts/authorization (IAM and OAuth tokens; keys of Object
 * Storage and their session tokens, "Ephemeral key format", November 2026), RFC 7515 (JWT), RFC 7468 (PEM).
 */
const secretShapes = [
  new RegExp(String.raw`${start}t1\.[\w-]+={0,2}(?:\.[\w-]+={0,2})?`, 'g'),
  new RegExp(String.raw`${start}(?:y[0-3]_|AQAA)[\w-]{10,}`, 'g'),
  new RegExp(String.raw`${start}YC[\w-]{38,}`, 'g'),
  new RegExp(String.raw`${start}s1\.[\w.=-]{100,}`, 'g'),
  new RegExp(String.raw`${start}eyJ[\w-]{1,2000}\.[\w-]+\.[\w-]*`, 'g'),
  /-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g,
  /(?<=\bBearer )[^\s"]+/gi,
];

export function redact(text: string): string {
  return secretShapes.reduce((safe, shape) => safe.replace(shape, '[redacted]'), text);
}
