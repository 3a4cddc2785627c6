import assert from 'node:assert/strict';
import { createCipheriv, createHash, createSecretKey } from 'node:crypto';
import * as fc from 'fast-check';
import {
  type Items,
  keyFromBytes,
  keyFromPassphrase,
  createKdfParams,
  unseal,
  parseSealedFile,
  seal,
  type SealedFile,
} from '../../../src/stores/file/sealed-file.ts';
import { Secret } from '../../../src/shared/secret.ts';

/** Created in Python from the description of the format: `hashlib.scrypt`, HKDF with `hmac`, `AESGCM`. */
const byPassphrase =
  'aWFtLXRva2VuZCBzdG9yZQEBCgABAgMEBQYHCAkKCwwNDg9kZWZnaGlqa2xtbm+k8osT16dy27TJnT4FvD/h7/1KMLVIwSt+C3T+8TeNDP8z' +
  'MJ7aPPc0gmvwU8tXEWb4M7pRzYHre+5lYsrDxGZOhEFoJh9iUOmmQRasukALWjKPn36Mb8jX7zeqfowHLYGkMw==';
const byKey =
  'aWFtLXRva2VuZCBzdG9yZQECAAABAgMEBQYHCAkKCwwNDg9kZWZnaGlqa2xtbm//4cdb9I4XhMSCdcDNvajs5MWv1Rvk/OW0klanHza0OuOu' +
  'h2ULIqwSvB6NxicKhgaFS6v1H2emWqCI6iTdKmiN6OLgamXDhu31nHhBYBUUekUXz7niAbXqnrzZcsrAkIaE9Q==';
const fixtureItems = [
  ['a', 'one'],
  ['b.token', 'ключ'],
];

const key = createSecretKey(Buffer.alloc(32, 7));
const otherKey = createSecretKey(Buffer.alloc(32, 8));
const items: Items = new Map([['a', new Secret('one')]]);
const smallFile = seal(createKdfParams(10), key, items);

const names = fc.stringMatching(/^[A-Za-z0-9.-]{1,200}$/);
const values = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('constructor', '', '\ud800'),
);

function parseOrFail(bytes: Buffer): SealedFile {
  const result = parseSealedFile(bytes);
  if (typeof result === 'string') assert.fail(result);
  return result;
}

function defectOf(bytes: Buffer): string {
  const result = parseSealedFile(bytes);
  return typeof result === 'string' ? result : 'none';
}

const plainItems = (opened: Items | null): unknown =>
  opened && [...opened].map(([name, value]) => [name, value.expose()]);

/** `bytes` with a correct checksum, as an attacker would leave them. */
function withChecksum(bytes: Buffer): Buffer {
  const body = bytes.subarray(0, -32);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

function withChangedByte(bytes: Buffer, index: number, to: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = to(copy[index] ?? 0);
  return copy;
}

function canUnseal(bytes: Buffer): boolean {
  const result = parseSealedFile(bytes);
  return typeof result !== 'string' && unseal(result, key) !== null;
}

describe('sealed-file', () => {
  it('opens files that another program wrote from the description', async () => {
    const first = parseOrFail(Buffer.from(byPassphrase, 'base64'));
    assert.ok(first.kdfParams.kind === 'passphrase');
    // The last letter as one character and as two: the same passphrase.
    for (const passphrase of ['correct horse \u00e9', 'correct horse e\u0301']) {
      const derivedKey = await keyFromPassphrase(new Secret(passphrase), first.kdfParams);
      assert.deepEqual(plainItems(unseal(first, derivedKey)), fixtureItems);
    }
    const second = parseOrFail(Buffer.from(byKey, 'base64'));
    const derivedKey = keyFromBytes(
      Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
      second.kdfParams.salt,
    );
    assert.deepEqual(plainItems(unseal(second, derivedKey)), fixtureItems);
  });

  it('restores all items and the key parameters', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, values), { selector: ([name]) => name }),
        fc.constantFrom(createKdfParams(), createKdfParams(10), createKdfParams(18)),
        (pairs, kdfParams) => {
          const sealedFile = seal(
            kdfParams,
            key,
            new Map(pairs.map(([name, value]) => [name, new Secret(value)])),
          );
          assert.deepEqual(parseOrFail(sealedFile).kdfParams, kdfParams);
          assert.deepEqual(plainItems(unseal(parseOrFail(sealedFile), key)), pairs);
        },
      ),
    );
  });

  it('shows no part of an item', () => {
    const sealedFile = seal(createKdfParams(), key, new Map([['name', new Secret('very secret')]]));
    for (const word of ['name', 'secret', 'items']) assert.ok(!sealedFile.includes(word));
  });

  it('uses a new nonce for every write', () => {
    const kdfParams = createKdfParams();
    const nonces = Array.from({ length: 50 }, () =>
      parseOrFail(seal(kdfParams, key, items)).nonce.toString('hex'),
    );
    assert.equal(new Set(nonces).size, 50);
  });

  it('does not open with another key', () => {
    assert.equal(unseal(parseOrFail(smallFile), otherKey), null);
  });

  it('detects every changed byte and every truncation without a key', () => {
    for (const index of smallFile.keys()) {
      assert.equal(
        defectOf(withChangedByte(smallFile, index, (byte) => byte ^ 1)),
        index < 16 ? 'foreign' : 'damaged',
        `byte ${index}`,
      );
      assert.equal(defectOf(smallFile.subarray(0, index)), 'damaged', `truncated to ${index}`);
    }
    assert.equal(defectOf(Buffer.concat([smallFile, Buffer.of(0)])), 'damaged');
  });

  it('never opens with a changed bit, even with a correct checksum', () => {
    for (let bit = 0; bit < (smallFile.length - 32) * 8; bit++) {
      const index = bit >> 3;
      assert.ok(
        !canUnseal(withChecksum(withChangedByte(smallFile, index, (byte) => byte ^ (1 << (bit & 7))))),
        `bit ${bit}`,
      );
    }
    for (const length of smallFile.keys()) assert.ok(!canUnseal(withChecksum(smallFile.subarray(0, length))));
    assert.ok(canUnseal(withChecksum(smallFile)));
  });

  it('allows scrypt from 1 MiB to 256 MiB, and no scrypt with a key', () => {
    const costs = new Map<string, number[]>();
    for (let log2N = 0; log2N < 256; log2N++) {
      const fault = defectOf(withChecksum(withChangedByte(smallFile, 18, () => log2N)));
      costs.set(fault, [...(costs.get(fault) ?? []), log2N]);
    }
    assert.deepEqual(costs.get('none'), [10, 11, 12, 13, 14, 15, 16, 17, 18]);
    assert.equal(costs.get('costly')?.length, 247);
    const withKey = seal(createKdfParams(), key, items);
    assert.equal(defectOf(withChecksum(withChangedByte(withKey, 18, () => 10))), 'damaged');
  });

  it('distinguishes a newer version from another format', () => {
    for (const version of [0, 2, 255]) {
      assert.equal(defectOf(withChecksum(withChangedByte(smallFile, 16, () => version))), 'newer');
    }
    assert.equal(defectOf(Buffer.from('age-encryption.org/v1\n-> scrypt')), 'foreign');
    assert.equal(defectOf(Buffer.alloc(0)), 'damaged');
  });

  it('parses any bytes without an error, and opens only what it sealed', () => {
    const headers = fc.tuple(
      fc.constantFrom(0, 1, 2, 255),
      fc.nat({ max: 3 }),
      fc.nat({ max: 255 }),
      fc.uint8Array({ maxLength: 200 }),
    );
    const crafted = headers.map(([version, kind, log2N, rest]) =>
      withChecksum(
        Buffer.concat([
          Buffer.from('iam-tokend store'),
          Buffer.of(version, kind, log2N),
          rest,
          Buffer.alloc(32),
        ]),
      ),
    );
    const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(crafted, garbage), (bytes) => {
        const result = parseSealedFile(bytes);
        if (typeof result === 'string') return;
        const { kdfParams } = result;
        assert.ok(kdfParams.kind === 'key' || (kdfParams.log2N >= 10 && kdfParams.log2N <= 18));
        assert.equal(kdfParams.salt.length, 16);
        assert.equal(unseal(result, key), null);
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not open other content that its key sealed, and does not throw it', () => {
    const { header, nonce } = parseOrFail(smallFile);
    for (const text of ['a secret', '{"items":{"a":"a secret"}}', '{"items":[["a",5]]}']) {
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(header);
      const sealedFile = Buffer.concat([cipher.update(text), cipher.final()]);
      assert.equal(
        unseal({ ...parseOrFail(smallFile), ciphertext: sealedFile, tag: cipher.getAuthTag() }, key),
        null,
      );
    }
  });
});

const kdfParams = { kind: 'passphrase', log2N: 14, salt: Buffer.alloc(16, 1) } as const;

describe('sealed-file: key', () => {
  it('does not block the event loop during scrypt', async () => {
    const order: string[] = [];
    const loop = new Promise<void>((resolve) => setImmediate(resolve)).then(() => order.push('loop'));
    const key = keyFromPassphrase(new Secret('x'), kdfParams).then(() => order.push('key'));
    await Promise.all([loop, key]);
    assert.deepEqual(order, ['loop', 'key']);
  });

  it('derives another key for another passphrase, salt or cost', async () => {
    const salt = Buffer.alloc(16, 2);
    const keys = await Promise.all([
      keyFromPassphrase(new Secret('x'), kdfParams),
      keyFromPassphrase(new Secret('y'), kdfParams),
      keyFromPassphrase(new Secret('x'), { ...kdfParams, salt }),
      keyFromPassphrase(new Secret('x'), { ...kdfParams, log2N: 13 }),
    ]);
    keys.push(
      keyFromBytes(Buffer.alloc(32, 1), kdfParams.salt),
      keyFromBytes(Buffer.alloc(32, 1), salt),
      keyFromBytes(Buffer.alloc(33, 1), salt),
    );
    assert.equal(new Set(keys.map((key) => key.export().toString('hex'))).size, keys.length);
  });

  it('supports the minimum and the maximum cost', async () => {
    for (const log2N of [10, 18]) {
      const key = await keyFromPassphrase(new Secret('x'), { ...kdfParams, log2N });
      assert.equal(key.symmetricKeySize, 32);
    }
  });
});
