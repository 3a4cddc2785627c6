import { randomBytes, randomInt } from 'node:crypto';

/**
 * An IAM token that looks like the real ones: the documented pattern, with the subject where real tokens were seen to
 * have it (`src/sources/token-subject.ts`); the rest is random.
 */
export function mintedToken(subject: string): string {
  const subjectField = Buffer.from([0x0a, subject.length, ...Buffer.from(subject)]);
  const inverted = Buffer.from(subjectField.map((byte) => ~byte));
  const payload = Buffer.concat([inverted, randomBytes(18)]).toString('base64url');
  return `t1.${payload}.${randomBytes(64).toString('base64url')}`;
}

/** As IAM writes it: with nanoseconds, of which we know only the first three digits. */
export function nanosecondTimestamp(atMs: number): string {
  const belowMs = String(randomInt(1_000_000)).padStart(6, '0');
  return new Date(atMs).toISOString().replace('Z', `${belowMs}Z`);
}
