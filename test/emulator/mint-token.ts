import { randomBytes, randomInt } from 'node:crypto';

/**
 * A random IAM token of the documented pattern, with the subject at its position in observed tokens
 * (`src/sources/exchange/token-subject.ts`).
 */
export function mintToken(subject: string): string {
  const subjectField = Buffer.from([0x0a, subject.length, ...Buffer.from(subject)]);
  const invertedField = Buffer.from(subjectField.map((byte) => ~byte));
  const payload = Buffer.concat([invertedField, randomBytes(18)]).toString('base64url');
  return `t1.${payload}.${randomBytes(64).toString('base64url')}`;
}

/** In the format of IAM, with random digits below a millisecond. */
export function formatNanosecondTimestamp(atMs: number): string {
  const nanosecondDigits = String(randomInt(1_000_000)).padStart(6, '0');
  return new Date(atMs).toISOString().replace('Z', `${nanosecondDigits}Z`);
}
