import { randomBytes, randomInt } from 'node:crypto';

const subjectTag = 0x0a;
const serialTag = 0x12;
const serialBytes = 16;
const signatureBytes = 64;

/**
 * An IAM token that looks like the real ones: the documented pattern, with the subject where real tokens were seen to
 * have it (`src/sources/token-subject.ts`).
 */
export function mintedToken(subject: string): string {
  const message = Buffer.concat([
    Buffer.from([subjectTag, subject.length]),
    Buffer.from(subject, 'latin1'),
    Buffer.from([serialTag, serialBytes]),
    randomBytes(serialBytes),
  ]);
  const payload = Buffer.from(message.map((byte) => ~byte)).toString('base64url');
  return `t1.${payload}.${randomBytes(signatureBytes).toString('base64url')}`;
}

/** As IAM writes it: with nanoseconds, of which we know only the first three digits. */
export function nanosecondTimestamp(atMs: number): string {
  const belowMs = String(randomInt(1_000_000)).padStart(6, '0');
  return new Date(atMs).toISOString().replace('Z', `${belowMs}Z`);
}
