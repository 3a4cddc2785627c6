const subjectLength = 20;
/** Field 1 of a protobuf message, length-delimited, and its length. */
const header = Buffer.from([0x0a, subjectLength]);

/**
 * The id of the account that an IAM token speaks for, read from the token itself; `null` where it does not fit.
 *
 * Undocumented, only observed (by November 2026): in `t1.<payload>.<signature>` the payload, in base64url, is a
 * protobuf message with every bit inverted, whose field 1 is the id. It may change on any day, and we cannot check
 * the signature. Used to show who is logged in, and never to decide anything.
 */
export function subjectOf(token: string): string | null {
  const payload = /^t1\.([\w-]+)={0,2}\.[\w-]+={0,2}$/.exec(token)?.[1];
  if (payload === undefined) return null;
  const message = Buffer.from(payload, 'base64url').map((byte) => ~byte);
  if (!header.equals(message.subarray(0, header.length))) return null;
  const subject = Buffer.from(message).toString('latin1', header.length, header.length + subjectLength);
  return /^[a-z0-9]{20}$/.test(subject) ? subject : null;
}
