/**
 * What a secret looks like, for the last gate before a log is written. Nobody passes one in; this is for the day on
 * which somebody does. Shapes: yandex.cloud/en/docs/iam/concepts/authorization (IAM and OAuth tokens), RFC 7515
 * (JWT), RFC 7468 (PEM).
 */
const secretShapes = [
  /\bt1\.[\w-]+={0,2}(?:\.[\w-]+={0,2})?/g,
  /\by[0-3]_[\w-]{10,}/g,
  /\bAQAA[\w-]{10,}/g,
  /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g,
  /-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g,
  /(?<=\bBearer )[^\s"]+/g,
];

export function redact(text: string): string {
  return secretShapes.reduce((safe, shape) => safe.replace(shape, '[redacted]'), text);
}
