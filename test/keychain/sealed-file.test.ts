import assert from 'node:assert/strict';
import { createCipheriv, createHash, createSecretKey } from 'node:crypto';
import * as fc from 'fast-check';
import {
  type Items,
  keyFromBytes,
  keyFromPassphrase,
  newRecipe,
  openSealed,
  parseSealed,
  seal,
  type SealedFile,
} from '../../src/keychain/sealed-file.ts';
import { Secret } from '../../src/shared/secret.ts';

/** Made by a few lines of Python after the format's description: `hashlib.scrypt`, HKDF by `hmac`, `AESGCM`. */
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
const small = seal(newRecipe(10), key, items);

const names = fc.stringMatching(/^[A-Za-z0-9.-]{1,200}$/);
const values = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('constructor', '', '\ud800'),
);

function parsed(bytes: Buffer): SealedFile {
  const result = parseSealed(bytes);
  if (typeof result === 'string') assert.fail(result);
  return result;
}

function faultOf(bytes: Buffer): string {
  const result = parseSealed(bytes);
  return typeof result === 'string' ? result : 'none';
}

const plain = (opened: Items | null): unknown =>
  opened && [...opened].map(([name, value]) => [name, value.expose()]);

/** `bytes` as somebody would leave them who can reckon a checksum too. */
function withChecksum(bytes: Buffer): Buffer {
  const body = bytes.subarray(0, -32);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

function changed(bytes: Buffer, index: number, to: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = to(copy[index] ?? 0);
  return copy;
}

function opens(bytes: Buffer): boolean {
  const result = parseSealed(bytes);
  return typeof result !== 'string' && openSealed(result, key) !== null;
}

describe('sealed-file', () => {
  it('opens what another program has sealed after its description', async () => {
    const first = parsed(Buffer.from(byPassphrase, 'base64'));
    assert.ok(first.recipe.kind === 'passphrase');
    // The last letter once as one character and once as two: the same passphrase.
    for (const passphrase of ['correct horse \u00e9', 'correct horse e\u0301']) {
      const made = await keyFromPassphrase(new Secret(passphrase), first.recipe);
      assert.deepEqual(plain(openSealed(first, made)), fixtureItems);
    }
    const second = parsed(Buffer.from(byKey, 'base64'));
    const made = keyFromBytes(
      Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
      second.recipe.salt,
    );
    assert.deepEqual(plain(openSealed(second, made)), fixtureItems);
  });

  it('gives back whatever was sealed, and how its key is made', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, values), { selector: ([name]) => name }),
        fc.constantFrom(newRecipe(), newRecipe(10), newRecipe(18)),
        (pairs, recipe) => {
          const sealed = seal(recipe, key, new Map(pairs.map(([name, value]) => [name, new Secret(value)])));
          assert.deepEqual(parsed(sealed).recipe, recipe);
          assert.deepEqual(plain(openSealed(parsed(sealed), key)), pairs);
        },
      ),
    );
  });

  it('shows nothing of an item', () => {
    const sealed = seal(newRecipe(), key, new Map([['name', new Secret('very secret')]]));
    for (const word of ['name', 'secret', 'items']) assert.ok(!sealed.includes(word));
  });

  it('takes a new nonce for every write', () => {
    const recipe = newRecipe();
    const nonces = Array.from({ length: 50 }, () => parsed(seal(recipe, key, items)).nonce.toString('hex'));
    assert.equal(new Set(nonces).size, 50);
  });

  it('opens with no other key', () => {
    assert.equal(openSealed(parsed(small), otherKey), null);
  });

  it('sees every changed byte, and every cut, without a key', () => {
    for (const index of small.keys()) {
      assert.equal(
        faultOf(changed(small, index, (byte) => byte ^ 1)),
        index < 16 ? 'foreign' : 'damaged',
        `byte ${index}`,
      );
      assert.equal(faultOf(small.subarray(0, index)), 'damaged', `cut to ${index}`);
    }
    assert.equal(faultOf(Buffer.concat([small, Buffer.of(0)])), 'damaged');
  });

  it('never opens with a changed bit, though its checksum be right', () => {
    for (let bit = 0; bit < (small.length - 32) * 8; bit++) {
      const index = bit >> 3;
      assert.ok(!opens(withChecksum(changed(small, index, (byte) => byte ^ (1 << (bit & 7))))), `bit ${bit}`);
    }
    for (const length of small.keys()) assert.ok(!opens(withChecksum(small.subarray(0, length))));
    assert.ok(opens(withChecksum(small)));
  });

  it('allows scrypt from 1 MiB to 256 MiB, and a key none', () => {
    const costs = new Map<string, number[]>();
    for (let log2N = 0; log2N < 256; log2N++) {
      const fault = faultOf(withChecksum(changed(small, 18, () => log2N)));
      costs.set(fault, [...(costs.get(fault) ?? []), log2N]);
    }
    assert.deepEqual(costs.get('none'), [10, 11, 12, 13, 14, 15, 16, 17, 18]);
    assert.equal(costs.get('costly')?.length, 247);
    const withKey = seal(newRecipe(), key, items);
    assert.equal(faultOf(withChecksum(changed(withKey, 18, () => 10))), 'damaged');
  });

  it('tells a newer version from a foreign file', () => {
    for (const version of [0, 2, 255]) {
      assert.equal(faultOf(withChecksum(changed(small, 16, () => version))), 'newer');
    }
    assert.equal(faultOf(Buffer.from('age-encryption.org/v1\n-> scrypt')), 'foreign');
    assert.equal(faultOf(Buffer.alloc(0)), 'damaged');
  });

  it('reads anything without a throw, and opens nothing that it did not seal', () => {
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
        const result = parseSealed(bytes);
        if (typeof result === 'string') return;
        const { recipe } = result;
        assert.ok(recipe.kind === 'key' || (recipe.log2N >= 10 && recipe.log2N <= 18));
        assert.equal(recipe.salt.length, 16);
        assert.equal(openSealed(result, key), null);
      }),
      { numRuns: 2_000 },
    );
  });

  it('opens nothing else that its key has sealed, and does not quote it', () => {
    const { header, nonce } = parsed(small);
    for (const text of ['a secret', '{"items":{"a":"a secret"}}', '{"items":[["a",5]]}']) {
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(header);
      const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
      assert.equal(openSealed({ ...parsed(small), sealed, tag: cipher.getAuthTag() }, key), null);
    }
  });
});

const recipe = { kind: 'passphrase', log2N: 14, salt: Buffer.alloc(16, 1) } as const;

describe('sealed-file, its key', () => {
  it('lets the event loop go on while scrypt works', async () => {
    const order: string[] = [];
    const loop = new Promise<void>((resolve) => setImmediate(resolve)).then(() => order.push('loop'));
    const key = keyFromPassphrase(new Secret('x'), recipe).then(() => order.push('key'));
    await Promise.all([loop, key]);
    assert.deepEqual(order, ['loop', 'key']);
  });

  it('makes another key for another passphrase, salt or cost', async () => {
    const salt = Buffer.alloc(16, 2);
    const keys = await Promise.all([
      keyFromPassphrase(new Secret('x'), recipe),
      keyFromPassphrase(new Secret('y'), recipe),
      keyFromPassphrase(new Secret('x'), { ...recipe, salt }),
      keyFromPassphrase(new Secret('x'), { ...recipe, log2N: 13 }),
    ]);
    keys.push(
      keyFromBytes(Buffer.alloc(32, 1), recipe.salt),
      keyFromBytes(Buffer.alloc(32, 1), salt),
      keyFromBytes(Buffer.alloc(33, 1), salt),
    );
    assert.equal(new Set(keys.map((key) => key.export().toString('hex'))).size, keys.length);
  });

  it('can do the most and the least that a store may ask for', async () => {
    for (const log2N of [10, 18]) {
      const key = await keyFromPassphrase(new Secret('x'), { ...recipe, log2N });
      assert.equal(key.symmetricKeySize, 32);
    }
  });
});
