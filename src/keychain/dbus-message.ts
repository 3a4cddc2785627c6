/**
 * D-Bus messages as bytes: "Marshaling (Wire Format)" and "Message Protocol" of the D-Bus Specification 0.43,
 * dbus.freedesktop.org/doc/dbus-specification.html. Why it is our own: see `dbus-connection.ts`.
 *
 * Of the types only those that the bus and the Secret Service speak to us in: y, b, u, s, o, g, v and what is
 * made of them; and little-endian only, as all machines are that keytar has a binary for.
 */

/** An array, struct or dictionary entry is a JavaScript array. */
export type DBusValue = boolean | number | string | DBusVariant | readonly DBusValue[];

export interface DBusVariant {
  readonly signature: string;
  readonly value: DBusValue;
}

export interface DBusMessage {
  readonly kind: (typeof kinds)[number];
  /** From 1. */
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  /** The serial of the call that this answers. */
  readonly replySerial?: number;
  readonly destination?: string;
  readonly signature?: string;
  readonly body: readonly DBusValue[];
}

/** The peer is not there, or has gone, or sent what is no D-Bus message, or none that anybody here has a use for. */
export class DBusPeerError extends Error {
  override readonly name = 'DBusPeerError';
}

/** The specification allows 128 MiB; the answers we ask for have a few hundred bytes. */
export const maxMessageBytes = 1024 * 1024;
/** What must have come before `messageBytes` can tell anything. */
export const prefixBytes = 16;

const maxDepth = 64;
const littleEndian = 'l'.charCodeAt(0);
const kinds = ['call', 'return', 'error', 'signal'] as const;
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
  const body = new Writer();
  body.values(message.signature ?? '', message.body);
  const fields = headerFields.flatMap(({ code, name, type }) => {
    const value = message[name];
    return value === undefined ? [] : [[code, { signature: type, value }]];
  });
  const kind = kinds.indexOf(message.kind) + 1;
  const header = new Writer();
  header.values('yyyyuua(yv)', [littleEndian, kind, 0, 1, body.bytes.length, message.serial, fields]);
  header.align(8);
  return Buffer.from([...header.bytes, ...body.bytes]);
}

/**
 * The whole length of the message that begins with these bytes.
 * @param prefix at least `prefixBytes` of them
 * @throws DBusPeerError
 */
export function messageBytes(prefix: Buffer): number {
  const total = prefixBytes + Math.ceil(prefix.readUInt32LE(12) / 8) * 8 + prefix.readUInt32LE(4);
  if (prefix[0] !== littleEndian) throw new DBusPeerError('a D-Bus byte order');
  if (total > maxMessageBytes) throw new DBusPeerError(`a D-Bus message of ${total} bytes`);
  return total;
}

/**
 * @param bytes exactly one message
 * @throws DBusPeerError
 */
export function decodeMessage(bytes: Buffer): DBusMessage {
  const reader = new Reader(bytes);
  const [, type, , , , serial, fields] = reader.values('yyyyuua(yv)');
  const kind = kinds[Number(type) - 1];
  if (kind === undefined) throw new DBusPeerError('a D-Bus message of an unknown type');
  const named: Record<string, DBusValue> = {};
  for (const [code, variant] of fields as readonly (readonly [number, DBusVariant])[]) {
    const field = headerFields.find((known) => known.code === code);
    if (field === undefined) continue;
    if (variant.signature !== field.type) throw new DBusPeerError(`a D-Bus header field ${field.name}`);
    named[field.name] = variant.value;
  }
  reader.align(8);
  const { signature = '' } = named;
  return { kind, serial: Number(serial), ...named, body: reader.values(signature as string) };
}

/** The complete types of a signature, one by one: `sa{sv}u` is `s`, `a{sv}`, `u`. */
function completeTypes(signature: string): readonly string[] {
  const types: string[] = [];
  let start = 0;
  let open = 0;
  for (let at = 0; at < signature.length; at += 1) {
    const code = signature.charAt(at);
    if (code === '(' || code === '{') open += 1;
    if (code === ')' || code === '}') open -= 1;
    if (open > 0 || code === 'a') continue;
    types.push(signature.slice(start, at + 1));
    start = at + 1;
  }
  // A struct of nothing has no bytes, so an array of it would have no end.
  if (start < signature.length || /[({][)}]/.test(signature)) throw new DBusPeerError('a D-Bus signature');
  return types;
}

function alignmentOf(type: string): number {
  if (/^[ygv]/.test(type)) return 1;
  return /^[({]/.test(type) ? 8 : 4;
}

class Writer {
  readonly bytes: number[] = [];

  align(to: number): void {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
  }

  values(signature: string, values: readonly DBusValue[]): void {
    const types = completeTypes(signature);
    if (types.length !== values.length) throw new TypeError(`${values.length} values for ${signature}`);
    for (const [index, type] of types.entries()) this.#value(type, values[index] as DBusValue);
  }

  #value(type: string, value: DBusValue): void {
    const code = type.charAt(0);
    this.align(alignmentOf(type));
    if (code === 'y') this.bytes.push(value as number);
    else if (code === 'u' || code === 'b') this.bytes.push(...uint32(Number(value)));
    else if (code === 'a') this.#array(type.slice(1), value as readonly DBusValue[]);
    else if (code === '(' || code === '{') this.values(type.slice(1, -1), value as readonly DBusValue[]);
    else if (code === 'v') {
      const variant = value as DBusVariant;
      this.values('g', [variant.signature]);
      this.values(variant.signature, [variant.value]);
    } else {
      const text = Buffer.from(value as string);
      this.bytes.push(...(code === 'g' ? [text.length] : uint32(text.length)), ...text, 0);
    }
  }

  #array(elementType: string, elements: readonly DBusValue[]): void {
    const lengthAt = this.bytes.length;
    this.bytes.push(...uint32(0));
    this.align(alignmentOf(elementType));
    const start = this.bytes.length;
    for (const element of elements) this.#value(elementType, element);
    this.bytes.splice(lengthAt, 4, ...uint32(this.bytes.length - start));
  }
}

function uint32(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }

  values(signature: string, depth = 0): readonly DBusValue[] {
    if (depth > maxDepth) throw new DBusPeerError('a D-Bus value nested too deeply');
    return completeTypes(signature).map((type) => this.#value(type, depth));
  }

  #value(type: string, depth: number): DBusValue {
    const code = type.charAt(0);
    this.align(alignmentOf(type));
    if (code === 'y') return this.#byte();
    if (code === 'u') return this.#uint32();
    if (code === 'b') return this.#uint32() !== 0;
    if (code === 's' || code === 'o') return this.#text(this.#uint32());
    if (code === 'g') return this.#text(this.#byte());
    if (code === 'a') return this.#array(type.slice(1), depth);
    if (code === '(' || code === '{') return this.values(type.slice(1, -1), depth + 1);
    if (code !== 'v') throw new DBusPeerError(`a D-Bus type ${type}`);
    const signature = this.#text(this.#byte());
    const [value, ...more] = this.values(signature, depth + 1);
    if (value === undefined || more.length > 0) throw new DBusPeerError('a D-Bus variant');
    return { signature, value };
  }

  #array(elementType: string, depth: number): readonly DBusValue[] {
    const length = this.#uint32();
    this.align(alignmentOf(elementType));
    const end = this.#at + length;
    const elements: DBusValue[] = [];
    while (this.#at < end) elements.push(...this.values(elementType, depth + 1));
    return elements;
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  #uint32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  #text(length: number): string {
    const start = this.#take(length + 1);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #take(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new DBusPeerError('a D-Bus message shorter than it says');
    return start;
  }
}
