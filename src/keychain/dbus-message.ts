/**
 * D-Bus messages as bytes: "Marshaling (Wire Format)" and "Message Protocol" of the D-Bus Specification 0.43,
 * dbus.freedesktop.org/doc/dbus-specification.html. Why it is our own: see `dbus-connection.ts`.
 *
 * Of the types only those that the bus and the Secret Service speak to us in: y, b, u, s, o, g, v and what is
 * made of them. Another one is a `DBusFormatError`.
 */

/** An array, struct or dictionary entry is a JavaScript array. */
export type DBusValue = boolean | number | string | DBusVariant | readonly DBusValue[];

export interface DBusVariant {
  readonly signature: string;
  readonly value: DBusValue;
}

export type DBusMessageKind = 'call' | 'return' | 'error' | 'signal';

export interface DBusMessage {
  readonly kind: DBusMessageKind;
  /** From 1. */
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  /** The serial of the call that this answers. */
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  readonly signature?: string;
  readonly body: readonly DBusValue[];
}

/** The peer sent what is no D-Bus message, or one of a size nobody here has a use for. */
export class DBusFormatError extends Error {
  override readonly name = 'DBusFormatError';
}

/** The specification allows 128 MiB; the answers we ask for have a few hundred bytes. */
export const maxMessageBytes = 1024 * 1024;
/** What must have come before `messageBytes` can tell anything. */
export const prefixBytes = 16;

const maxDepth = 64;
const kinds: readonly DBusMessageKind[] = ['call', 'return', 'error', 'signal'];
const headerFields = [
  { code: 1, name: 'path', type: 'o' },
  { code: 2, name: 'interface', type: 's' },
  { code: 3, name: 'member', type: 's' },
  { code: 4, name: 'errorName', type: 's' },
  { code: 5, name: 'replySerial', type: 'u' },
  { code: 6, name: 'destination', type: 's' },
  { code: 7, name: 'sender', type: 's' },
  { code: 8, name: 'signature', type: 'g' },
] as const;

export function encodeMessage(message: DBusMessage): Buffer {
  const body = new Writer();
  body.values(message.signature ?? '', message.body);
  const fields = headerFields.flatMap(({ code, name, type }) => {
    const value = message[name];
    return value === undefined ? [] : [[code, { signature: type, value }]];
  });
  const header = new Writer();
  header.values('yyyyuua(yv)', [
    'l'.charCodeAt(0),
    kinds.indexOf(message.kind) + 1,
    0,
    1,
    body.length,
    message.serial,
    fields,
  ]);
  header.align(8);
  return Buffer.concat([header.bytes(), body.bytes()]);
}

/**
 * The whole length of the message that begins with these bytes.
 * @param prefix at least `prefixBytes` of them
 * @throws DBusFormatError
 */
export function messageBytes(prefix: Buffer): number {
  const header = new Reader(prefix);
  const [bodyLength, , fieldsLength] = header.values('uuu', 4);
  const total = prefixBytes + Math.ceil(Number(fieldsLength) / 8) * 8 + Number(bodyLength);
  if (total > maxMessageBytes) throw new DBusFormatError(`a D-Bus message of ${total} bytes`);
  return total;
}

/**
 * @param bytes exactly one message
 * @throws DBusFormatError
 */
export function decodeMessage(bytes: Buffer): DBusMessage {
  const reader = new Reader(bytes);
  const [type, , , , serial, fields] = reader.values('yyyuua(yv)', 1);
  const kind = kinds[Number(type) - 1];
  if (kind === undefined) throw new DBusFormatError('a D-Bus message of an unknown type');
  const named: Record<string, DBusValue> = {};
  for (const [code, variant] of fields as readonly (readonly [number, DBusVariant])[]) {
    const field = headerFields.find((known) => known.code === code);
    if (field === undefined) continue;
    if (variant.signature !== field.type) throw new DBusFormatError(`a D-Bus header field ${field.name}`);
    named[field.name] = variant.value;
  }
  reader.align(8);
  const signature = typeof named['signature'] === 'string' ? named['signature'] : '';
  return { kind, serial: Number(serial), ...named, body: reader.values(signature) };
}

/** The complete types of a signature, one by one: `sa{sv}u` is `s`, `a{sv}`, `u`. */
function completeTypes(signature: string): readonly string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at, 0);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, start: number, depth: number): number {
  const code = signature.charAt(start);
  if (!/[ygvbusoa({]/.test(code) || depth > maxDepth) throw new DBusFormatError('a D-Bus signature');
  if (code === 'a') return endOfType(signature, start + 1, depth + 1);
  if (code !== '(' && code !== '{') return start + 1;
  const close = code === '(' ? ')' : '}';
  let end = endOfType(signature, start + 1, depth + 1);
  while (signature.charAt(end) !== close) end = endOfType(signature, end, depth + 1);
  return end + 1;
}

function alignmentOf(type: string): number {
  if (/^[ygv]/.test(type)) return 1;
  return /^[({]/.test(type) ? 8 : 4;
}

/** Writes little-endian, which every peer must read. */
class Writer {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  values(signature: string, values: readonly DBusValue[]): void {
    const types = completeTypes(signature);
    if (types.length !== values.length) throw new TypeError(`${values.length} values for ${signature}`);
    for (const [index, type] of types.entries()) this.#value(type, values[index] as DBusValue);
  }

  #value(type: string, value: DBusValue): void {
    const code = type.charAt(0);
    this.align(alignmentOf(type));
    if (code === 'y') this.#bytes.push(value as number);
    else if (code === 'u' || code === 'b') this.#uint32(Number(value));
    else if (code === 's' || code === 'o' || code === 'g') this.#string(code, value as string);
    else if (code === 'v') this.#variant(value as DBusVariant);
    else if (code === 'a') this.#array(type.slice(1), value as readonly DBusValue[]);
    else this.values(type.slice(1, -1), value as readonly DBusValue[]);
  }

  #uint32(value: number): void {
    this.#bytes.push(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  }

  #string(code: string, value: string): void {
    const text = Buffer.from(value);
    if (code === 'g') this.#bytes.push(text.length);
    else this.#uint32(text.length);
    this.#bytes.push(...text, 0);
  }

  #variant(variant: DBusVariant): void {
    this.#string('g', variant.signature);
    this.values(variant.signature, [variant.value]);
  }

  #array(elementType: string, elements: readonly DBusValue[]): void {
    const lengthAt = this.#bytes.length;
    this.#uint32(0);
    this.align(alignmentOf(elementType));
    const start = this.#bytes.length;
    for (const element of elements) this.#value(elementType, element);
    const length = this.#bytes.length - start;
    for (let byte = 0; byte < 4; byte++) this.#bytes[lengthAt + byte] = (length >>> (8 * byte)) & 0xff;
  }
}

/** Reads in the byte order that the message's first byte names. */
class Reader {
  readonly #bytes: Buffer;
  readonly #littleEndian: boolean;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const order = String.fromCharCode(bytes[0] ?? 0);
    if (order !== 'l' && order !== 'B') throw new DBusFormatError('a D-Bus byte order');
    this.#littleEndian = order === 'l';
  }

  align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }

  /** @param from where to begin; where the last reading ended unless given */
  values(signature: string, from = this.#at): readonly DBusValue[] {
    this.#at = from;
    return completeTypes(signature).map((type) => this.#value(type, 0));
  }

  #value(type: string, depth: number): DBusValue {
    if (depth > maxDepth) throw new DBusFormatError('a D-Bus value nested too deeply');
    const code = type.charAt(0);
    this.align(alignmentOf(type));
    if (code === 'y') return this.#byte();
    if (code === 'u') return this.#uint32();
    if (code === 'b') return this.#uint32() !== 0;
    if (code === 's' || code === 'o') return this.#text(this.#uint32());
    if (code === 'g') return this.#text(this.#byte());
    if (code === 'v') return this.#variant(depth);
    if (code === 'a') return this.#array(type.slice(1), depth);
    return completeTypes(type.slice(1, -1)).map((part) => this.#value(part, depth + 1));
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  #uint32(): number {
    const at = this.#take(4);
    return this.#littleEndian ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  #text(length: number): string {
    const start = this.#take(length + 1);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #variant(depth: number): DBusVariant {
    const signature = this.#text(this.#byte());
    const [type, ...more] = completeTypes(signature);
    if (type === undefined || more.length > 0) throw new DBusFormatError('a D-Bus variant');
    return { signature, value: this.#value(type, depth + 1) };
  }

  #array(elementType: string, depth: number): readonly DBusValue[] {
    const length = this.#uint32();
    this.align(alignmentOf(elementType));
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new DBusFormatError('a D-Bus array longer than its message');
    const elements: DBusValue[] = [];
    while (this.#at < end) elements.push(this.#value(elementType, depth + 1));
    return elements;
  }

  #take(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new DBusFormatError('a D-Bus message shorter than it says');
    return start;
  }
}
