import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  DBusConnectionError,
  decodeMessage,
  encodeMessage,
  maxMessageBytes,
  messageByteLength,
  type DBusMessage,
  type DBusValue,
} from '../../../src/stores/secret-service/dbus-message.ts';

/** A type, and values of it. */
interface TypedArbitrary {
  readonly signature: string;
  readonly values: fc.Arbitrary<DBusValue>;
}

const textWithoutZero = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0'));
const basicTypes: readonly TypedArbitrary[] = [
  { signature: 'y', values: fc.nat({ max: 255 }) },
  { signature: 'b', values: fc.boolean() },
  { signature: 'u', values: fc.nat({ max: 0xffffffff }) },
  { signature: 's', values: textWithoutZero },
  { signature: 'o', values: fc.constant('/org/freedesktop/secrets') },
  { signature: 'g', values: fc.constantFrom('', 'a{sv}', '(oayays)') },
];

function typedArbitrary(depth: number): fc.Arbitrary<TypedArbitrary> {
  const leaf = fc.constantFrom(...basicTypes);
  if (depth === 0) return leaf;
  const inner = typedArbitrary(depth - 1);
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

const messages = fc.array(typedArbitrary(3), { maxLength: 4 }).chain((types) =>
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

/** As sent by `dbus-send --print-reply --dest=x.y / a.b.c` (libdbus 1.14). */
const fromLibdbus = Buffer.from(
  '6c01000100000000010000003c00000001016f00010000002f000000000000000201730003000000612e6200000000000301730001000000630000' +
    '00000000000601730003000000782e790000000000',
  'hex',
);

describe('dbus-message', () => {
  it('decodes what it encoded, and computes its length from the first bytes', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message);
        assert.equal(messageByteLength(bytes), bytes.length);
        assert.deepEqual(decodeMessage(bytes), message);
      }),
    );
  });

  it('decodes a message of libdbus, and encodes the same bytes', () => {
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

  it('rejects a message over the limit, or in another byte order, by its first 16 bytes', () => {
    const prefix = Buffer.alloc(16);
    prefix.write('l');
    prefix.writeUInt32LE(maxMessageBytes, 4);
    assert.throws(() => messageByteLength(prefix), DBusConnectionError);
    prefix.writeUInt32LE(0, 4);
    prefix.writeUInt32LE(0xffffffff, 12);
    assert.throws(() => messageByteLength(prefix), DBusConnectionError);
    assert.throws(() => messageByteLength(Buffer.alloc(16)), DBusConnectionError);
  });

  it('rejects nesting that would exhaust the stack', () => {
    const variants = Buffer.from('\x01v\x00'.repeat(200));
    const message = encodeMessage({
      kind: 'signal',
      serial: 1,
      signature: 'v',
      body: [{ signature: 'y', value: 1 }],
    });
    const bytes = Buffer.concat([message.subarray(0, -4), variants]);
    assert.throws(() => decodeMessage(bytes), DBusConnectionError);
  });

  it('decodes corrupt bytes as another message, or throws DBusConnectionError', () => {
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 8 }),
        (message, flips) => {
          const bytes = encodeMessage(message);
          for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
          allowConnectionError(() => messageByteLength(bytes));
          allowConnectionError(() => decodeMessage(bytes));
          allowConnectionError(() => decodeMessage(bytes.subarray(0, (flips[0]?.[0] ?? 0) % bytes.length)));
        },
      ),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        allowConnectionError(() => decodeMessage(Buffer.from(bytes))),
      ),
    );
  });
});

function allowConnectionError(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof DBusConnectionError, String(error));
  }
}
