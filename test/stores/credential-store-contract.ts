import assert from 'node:assert/strict';
import type { CredentialStore } from '../../src/stores/credential-store.ts';
import { IamTokenError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';

/**
 * The contract of an open `CredentialStore`, for use within a `describe`.
 * @param open returns a new, empty store, which the contract closes
 * @param passphrase of the store; `null` if it takes none
 */
export function describeCredentialStore(
  open: () => CredentialStore | Promise<CredentialStore>,
  passphrase: Secret | null = null,
): void {
  let store: CredentialStore;

  beforeEach(async () => {
    store = await open();
  });

  afterEach(async () => {
    for (const key of ['a', 'b', 'a.1', longKey]) await store.remove(key, 'background');
    await store.close();
  });

  itStoresItems(() => store);
  itStoresAnyValue(() => store);
  itLocksAndUnlocks(() => store, passphrase);

  it('can be closed twice', async () => {
    await store.close();
    await store.close();
    store = await open();
  });
}

const write = (store: CredentialStore, key: string, value: string): Promise<void> =>
  store.write(key, new Secret(value), 'background');

const read = async (store: CredentialStore, key: string): Promise<string | null> =>
  (await store.read(key, 'background'))?.expose() ?? null;

function itStoresItems(getStore: () => CredentialStore): void {
  it('returns null for a missing item', async () => {
    assert.equal(await getStore().read('a', 'background'), null);
  });

  it('returns what was written, with either interaction', async () => {
    const store = getStore();
    await store.write('a', new Secret('one'), 'background');
    await store.write('b', new Secret('two'), 'interactive');
    assert.equal((await store.read('a', 'interactive'))?.expose(), 'one');
    assert.equal((await store.read('b', 'background'))?.expose(), 'two');
  });

  it('replaces a value with a longer and a shorter one', async () => {
    for (const value of ['first', 'x'.repeat(9_000), 'last']) {
      await write(getStore(), 'a', value);
      assert.equal(await read(getStore(), 'a'), value);
    }
  });

  it('removes an item, and does nothing for a missing one', async () => {
    const store = getStore();
    await write(store, 'a', 'one');
    await store.remove('a', 'background');
    assert.equal(await read(store, 'a'), null);
    await store.remove('a', 'interactive');
  });

  it('distinguishes keys with a common prefix', async () => {
    const store = getStore();
    await write(store, 'a', 'one'.repeat(2_000));
    await write(store, 'a.1', 'two');
    await store.remove('a', 'background');
    assert.equal(await read(store, 'a'), null);
    assert.equal(await read(store, 'a.1'), 'two');
  });

  it('accepts a key of 200 characters', async () => {
    await write(getStore(), longKey, 'one');
    assert.equal(await read(getStore(), longKey), 'one');
  });

  it('handles concurrent calls', async () => {
    await write(getStore(), 'a', 'one');
    const results = await Promise.all(Array.from({ length: 20 }, () => read(getStore(), 'a')));
    assert.deepEqual(new Set(results), new Set(['one']));
  });
}

function itStoresAnyValue(getStore: () => CredentialStore): void {
  for (const [name, value] of Object.entries(values)) {
    it(`stores ${name} unchanged`, async () => {
      await write(getStore(), 'a', value);
      assert.equal(await read(getStore(), 'a'), value);
    });
  }
}

function itLocksAndUnlocks(getStore: () => CredentialStore, passphrase: Secret | null): void {
  it('is open', async () => {
    assert.deepEqual(await getStore().state(), { kind: 'open' });
  });

  it('can be unlocked while it is open', async () => {
    const store = getStore();
    await write(store, 'a', 'one');
    await store.unlock(null);
    await store.unlock(passphrase);
    assert.equal(await read(store, 'a'), 'one');
  });

  it('can be locked twice, and works after an unlock', async () => {
    const store = getStore();
    store.lock();
    store.lock();
    await store.unlock(passphrase);
    assert.deepEqual(await store.state(), { kind: 'open' });
    await write(store, 'a', 'one');
    assert.equal(await read(store, 'a'), 'one');
  });

  it('rejects a passphrase if it takes none', async () => {
    if (passphrase !== null) return;
    await assert.rejects(
      getStore().unlock(new Secret('cAnArY')),
      (error) => error instanceof IamTokenError && error.code === 'bad_request',
    );
  });
}

const longKey = `${'Key-0.'.repeat(33)}zz`;

const values = {
  'an authorized key': JSON.stringify({
    id: 'ajeabc',
    private_key: `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC/+=='.repeat(45)}\n`,
  }),
  'quotes, backslashes and line ends': `'"\\\r\n\t $(x) %00`,
  'letters of several scripts': 'ключ 鍵 🔑 e\u0301',
  'a value of 50,000 characters': 'é'.repeat(50_000),
};
