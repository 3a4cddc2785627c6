/** RFC 3339 with 0 to 9 fraction digits, as protobuf writes a `Timestamp` in JSON (protobuf.dev, "ProtoJSON"). */
const rfc3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Milliseconds since the epoch, cut off and not rounded; `null` for what is no such time, or has no zone. */
export function timestampMs(text: string): number | null {
  const [, date, time, fraction = '', zone] = rfc3339.exec(text) ?? [];
  if (date === undefined || time === undefined || zone === undefined) return null;
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return null;
  return Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${zone.toUpperCase()}`);
}
