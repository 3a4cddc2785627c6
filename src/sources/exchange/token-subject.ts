const subjectLength = 20;
/** The tag of field 1 (length-delimited) and its length. */
const subjectFieldHeader = Buffer.from([0x0a, subjectLength]);

/**
 * The id of the account that an IAM token was issued for, read from the token; `null` if its format is another.
 *
 * The format is undocumented, observed in November 2026: in `t1.<payload>.<signature>` the payload is base64url of a
 * protobuf message with every bit inverted, and its field 1 is the id. The signature cannot be verified here. For
 * display only; no decision depends on it.
 */
export function subjectOf(token: string): string | null {
  const payload = /^t1\.([\w-]+)={0,2}\.[\w-]+={0,2}$/.exec(token)?.[1];
  if (payload === undefined) return null;
  const message = Buffer.from(payload, 'base64url').map((byte) => ~byte);
  if (!subjectFieldHeader.equals(message.subarray(0, subjectFieldHeader.length))) return null;
  const subject = Buffer.from(message).toString(
    'latin1',
    subjectFieldHeader.length,
    subjectFieldHeader.length + subjectLength,
  );
  return /^[a-z0-9]{20}$/.test(subject) ? subject : null;
}
