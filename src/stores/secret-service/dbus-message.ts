/**
 * The encoding of D-Bus messages: "Marshaling (Wire Format)" and "Message Protocol" of the D-Bus Specification 0.43,
 * dbus.freedesktop.org/doc/dbus-specification.html. `dbus-connection.ts` has the reason why no library is used.
 *
 * Supports the types of the bus and of the Secret Service: y, b, u, s, o, g, v and containers of them. Little-endian only,
 * as are all machines for which keytar has a binary.
 */

/** Arrays, structs and dictionary entries are JavaScript arrays. */
export type DBusValue = boolean | number | string | DBusVariant | readonly DBusValue[];

export interface DBusVariant {
  readonly signature: string;
  readonly value: DBusValue;
}

export interface DBusMessage {
  readonly kind: (typeof messageKinds)[number];
  /** From 1. */
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  /** The serial of the call that this message replies to. */
  readonly replySerial?: number;
  readonly destination?: string;
  readonly signature?: string;
  readonly body: readonly DBusValue[];
}

/** The server cannot be reached, closed the connection, or sent an invalid or unsupported message. */
export class DBusConnectionError extends Error {
  override readonly name = 'DBusConnectionError';
}

/** The specification allows 128 MiB; replies of the Secret Service have a few hundred bytes. */
export const maxMessageBytes = 1024 * 1024;
/** The number of bytes that `messageByteLength` needs. */
export const prefixBytes = 16;

const maxDepth = 64;
const littleEndian = 'l'.charCodeAt(0);
const messageKinds = ['call', 'return', 'error', 'signal'] as const;
const headerFields = [
  { code: 1, name: 'path', type: 'o' },
  { code: 2, name: 'interface', type: 's' },
  { code: 3, name: 'member', type: 's' },
  { code: 4, name: 'errorName', type: 's' },
  { code: 5, name: 'replySerial', type: 'u' },
  { code: 6, name: 'destination', type: 's' },
  { code: 8, name: 'signature', type: 'g' },
] as const;

export function encodeMessage(message: DBusMessage): Buffer {
  const body = new MessageWriter();
  body.writeValues(message.signature ?? '', message.body);
  const fields = headerFields.flatMap(({ code, name, type }) => {
    const value = message[name];
    return value === undefined ? [] : [[code, { signature: type, value }]];
  });
  const kind = messageKinds.indexOf(message.kind) + 1;
  const header = new MessageWriter();
  header.writeValues('yyyyuua(yv)', [littleEndian, kind, 0, 1, body.bytes.length, message.serial, fields]);
  header.align(8);
  return Buffer.from([...header.bytes, ...body.bytes]);
}

/**
 * The length of the whole message.
 * @param prefix at least its first `prefixBytes` bytes
 * @throws DBusConnectionError
 */
export function messageByteLength(prefix: Buffer): number {
  const total = prefixBytes + Math.ceil(prefix.readUInt32LE(12) / 8) * 8 + prefix.readUInt32LE(4);
  if (prefix[0] !== littleEndian) throw new DBusConnectionError('unsupported D-Bus byte order');
  if (total > maxMessageBytes) throw new DBusConnectionError(`D-Bus message too long (${total} bytes)`);
  return total;
}

/**
 * @param bytes exactly one message
 * @throws DBusConnectionError
 */
export function decodeMessage(bytes: Buffer): DBusMessage {
  const reader = new MessageReader(bytes);
  const [, type, , , , serial, fields] = reader.readValues('yyyyuua(yv)');
  const kind = messageKinds[Number(type) - 1];
  if (kind === undefined) throw new DBusConnectionError('unknown D-Bus message type');
  const fieldsByName: Record<string, DBusValue> = {};
  for (const [code, variant] of fields as readonly (readonly [number, DBusVariant])[]) {
    const field = headerFields.find((known) => known.code === code);
    if (field === undefined) continue;
    if (variant.signature !== field.type)
      throw new DBusConnectionError(`invalid D-Bus header field ${field.name}`);
    fieldsByName[field.name] = variant.value;
  }
  reader.align(8);
  const { signature = '' } = fieldsByName;
  return { kind, serial: Number(serial), ...fieldsByName, body: reader.readValues(signature as string) };
}

/** The complete types of a signature, one by one: `sa{sv}u` is `s`, `a{sv}`, `u`. */
function splitSignature(signature: string): readonly string[] {
  const types: string[] = [];
  let start = 0;
  let depth = 0;
  for (let index = 0; index < signature.length; index += 1) {
    const code = signature.charAt(index);
    if (code === '(' || code === '{') depth += 1;
    if (code === ')' || code === '}') depth -= 1;
    if (depth > 0 || code === 'a') continue;
    types.push(signature.slice(start, index + 1));
    start = index + 1;
  }
  // An empty struct has no bytes, so an array of it would never end.
  if (start < signature.length || /[({][)}]/.test(signature))
    throw new DBusConnectionError('invalid D-Bus signature');
  return types;
}

function alignmentOf(type: string): number {
  if (/^[ygv]/.test(type)) return 1;
  return /^[({]/.test(type) ? 8 : 4;
}

class MessageWriter {
  readonly bytes: number[] = [];

  align(boundary: number): void {
    while (this.bytes.length % boundary !== 0) this.bytes.push(0);
  }

  writeValues(signature: string, values: readonly DBusValue[]): void {
    const types = splitSignature(signature);
    if (types.length !== values.length) throw new TypeError(`${values.length} values for ${signature}`);
    for (const [index, type] of types.entries()) this.#writeValue(type, values[index] as DBusValue);
  }

  #writeValue(type: string, value: DBusValue): void {
    const code = type.charAt(0);
    this.align(alignmentOf(type));
    if (code === 'y') this.bytes.push(value as number);
    else if (code === 'u' || code === 'b') this.bytes.push(...encodeUint32(Number(value)));
    else if (code === 'a') this.#writeArray(type.slice(1), value as readonly DBusValue[]);
    else if (code === '(' || code === '{') this.writeValues(type.slice(1, -1), value as readonly DBusValue[]);
    else if (code === 'v') {
      const variant = value as DBusVariant;
      this.writeValues('g', [variant.signature]);
      this.writeValues(variant.signature, [variant.value]);
    } else {
      const text = Buffer.from(value as string);
      this.bytes.push(...(code === 'g' ? [text.length] : encodeUint32(text.length)), ...text, 0);
    }
  }

  #writeArray(elementType: string, elements: readonly DBusValue[]): void {
    const lengthOffset = this.bytes.length;
    this.bytes.push(...encodeUint32(0));
    this.align(alignmentOf(elementType));
    const start = this.bytes.length;
    for (const element of elements) this.#writeValue(elementType, element);
    this.bytes.splice(lengthOffset, 4, ...encodeUint32(this.bytes.length - start));
  }
}

function encodeUint32(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

class MessageReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  align(boundary: number): void {
    this.#offset = Math.ceil(this.#offset / boundary) * boundary;
  }

  readValues(signature: string, depth = 0): readonly DBusValue[] {
    if (depth > maxDepth) throw new DBusConnectionError('D-Bus value nested too deeply');
    return splitSignature(signature).map((type) => this.#readValue(type, depth));
  }

  #readValue(type: string, depth: number): DBusValue {
    const code = type.charAt(0);
    this.align(alignmentOf(type));
    if (code === 'y') return this.#readByte();
    if (code === 'u') return this.#readUint32();
    if (code === 'b') return this.#readUint32() !== 0;
    if (code === 's' || code === 'o') return this.#readText(this.#readUint32());
    if (code === 'g') return this.#readText(this.#readByte());
    if (code === 'a') return this.#readArray(type.slice(1), depth);
    if (code === '(' || code === '{') return this.readValues(type.slice(1, -1), depth + 1);
    if (code !== 'v') throw new DBusConnectionError(`unsupported D-Bus type ${type}`);
    const signature = this.#readText(this.#readByte());
    const [value, ...extraValues] = this.readValues(signature, depth + 1);
    if (value === undefined || extraValues.length > 0) throw new DBusConnectionError('invalid D-Bus variant');
    return { signature, value };
  }

  #readArray(elementType: string, depth: number): readonly DBusValue[] {
    const length = this.#readUint32();
    this.align(alignmentOf(elementType));
    const end = this.#offset + length;
    const elements: DBusValue[] = [];
    while (this.#offset < end) elements.push(...this.readValues(elementType, depth + 1));
    return elements;
  }

  #readByte(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  #readUint32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  #readText(length: number): string {
    const start = this.#advance(length + 1);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #advance(length: number): number {
    const start = this.#offset;
    this.#offset += length;
    if (this.#offset > this.#bytes.length) throw new DBusConnectionError('truncated D-Bus message');
    return start;
  }
}
