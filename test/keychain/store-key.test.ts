import assert from 'node:assert/strict';
import { keyFromBytes, keyFromPassphrase } from '../../src/keychain/store-key.ts';
import { Secret } from '../../src/shared/secret.ts';

const recipe = { kind: 'passphrase', log2N: 14, salt: Buffer.alloc(16, 1) } as const;

describe('store-key', () => {
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
