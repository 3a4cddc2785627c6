import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  DBusPeerError,
  decodeMessage,
  encodeMessage,
  maxMessageBytes,
  messageBytes,
  type DBusMessage,
  type DBusValue,
} from '../../src/keychain/dbus-message.ts';

/** A type, and values of it. */
interface Typed {
  readonly signature: string;
  readonly values: fc.Arbitrary<DBusValue>;
}

const textWithoutZero = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0'));
const basic: readonly Typed[] = [
  { signature: 'y', values: fc.nat({ max: 255 }) },
  { signature: 'b', values: fc.boolean() },
  { signature: 'u', values: fc.nat({ max: 0xffffffff }) },
  { signature: 's', values: textWithoutZero },
  { signature: 'o', values: fc.constant('/org/freedesktop/secrets') },
  { signature: 'g', values: fc.constantFrom('', 'a{sv}', '(oayays)') },
];

function typed(depth: number): fc.Arbitrary<Typed> {
  const leaf = fc.constantFrom(...basic);
  if (depth === 0) return leaf;
  const inner = typed(depth - 1);
  const list = inner.map(({ signature, values }) => ({
    signature: `a${signature}`,
    values: fc.array(values, { maxLength: 4 }),
  }));
  const struct = fc.array(inner, { minLength: 1, maxLength: 3 }).map((parts) => ({
    signature: `(${parts.map(({ signature }) => signature).join('')})`,
    values: fc.tuple(...parts.map(({ values }) => values)),
  }));
  const dictionary = fc.tuple(leaf, inner).map(([key, value]) => ({
    signature: `a{${key.signature}${value.signature}}`,
    values: fc.array(fc.tuple(key.values, value.values), { maxLength: 4 }),
  }));
  const variant = inner.map(({ signature, values }) => ({
    signature: 'v',
    values: values.map((value) => ({ signature, value })),
  }));
  return fc.oneof(leaf, list, struct, dictionary, variant);
}

const messages = fc.array(typed(3), { maxLength: 4 }).chain((types) =>
  fc.record(
    {
      kind: fc.constantFrom('call' as const, 'return' as const, 'error' as const, 'signal' as const),
      serial: fc.integer({ min: 1, max: 0xffffffff }),
      path: fc.constant('/a/b'),
      member: textWithoutZero,
      signature: fc.constant(types.map(({ signature }) => signature).join('')),
      body: fc.tuple(...types.map(({ values }) => values)),
    },
    { noNullPrototype: true },
  ),
);

/** What `dbus-send --print-reply --dest=x.y / a.b.c` (libdbus 1.14) put on the wire. */
const fromLibdbus = Buffer.from(
  '6c01000100000000010000003c00000001016f00010000002f000000000000000201730003000000612e6200000000000301730001000000630000' +
    '00000000000601730003000000782e790000000000',
  'hex',
);

describe('dbus-message', () => {
  it('reads back whatever it wrote, and knows its length beforehand', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message);
        assert.equal(messageBytes(bytes), bytes.length);
        assert.deepEqual(decodeMessage(bytes), message);
      }),
    );
  });

  it('reads what libdbus writes, and writes the same', () => {
    const message: DBusMessage = {
      kind: 'call',
      serial: 1,
      path: '/',
      interface: 'a.b',
      member: 'c',
      destination: 'x.y',
      body: [],
    };
    assert.deepEqual(decodeMessage(fromLibdbus), message);
    assert.deepEqual(encodeMessage(message), fromLibdbus);
  });

  it('refuses a message over the limit, or in another byte order, by its first 16 bytes', () => {
    const prefix = Buffer.alloc(16);
    prefix.write('l');
    prefix.writeUInt32LE(maxMessageBytes, 4);
    assert.throws(() => messageBytes(prefix), DBusPeerError);
    prefix.writeUInt32LE(0, 4);
    prefix.writeUInt32LE(0xffffffff, 12);
    assert.throws(() => messageBytes(prefix), DBusPeerError);
    assert.throws(() => messageBytes(Buffer.alloc(16)), DBusPeerError);
  });

  it('refuses nesting that would use up the stack', () => {
    const variants = Buffer.from('\x01v\x00'.repeat(200));
    const message = encodeMessage({
      kind: 'signal',
      serial: 1,
      signature: 'v',
      body: [{ signature: 'y', value: 1 }],
    });
    const bytes = Buffer.concat([message.subarray(0, -4), variants]);
    assert.throws(() => decodeMessage(bytes), DBusPeerError);
  });

  it('reads broken bytes as something else or not at all, and fails in no other way', () => {
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 8 }),
        (message, flips) => {
          const bytes = encodeMessage(message);
          for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
          orPeerError(() => messageBytes(bytes));
          orPeerError(() => decodeMessage(bytes));
          orPeerError(() => decodeMessage(bytes.subarray(0, (flips[0]?.[0] ?? 0) % bytes.length)));
        },
      ),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        orPeerError(() => decodeMessage(Buffer.from(bytes))),
      ),
    );
  });
});

function orPeerError(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof DBusPeerError, String(error));
  }
}
