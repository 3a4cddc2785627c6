import assert from 'node:assert/strict';
import type { CredentialStore } from '../../src/keychain/credential-store.ts';
import { ProblemError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';

/**
 * What every `CredentialStore` must do while it is open. To be called within a `describe`.
 * @param open a new store, with nothing in it; the contract closes it
 * @param passphrase that opens it; `null` where it takes none
 */
export function itIsACredentialStore(
  open: () => CredentialStore | Promise<CredentialStore>,
  passphrase: Secret | null = null,
): void {
  let store: CredentialStore;

  beforeEach(async () => {
    store = await open();
  });

  afterEach(async () => {
    for (const key of ['a', 'b', 'a.1', longKey]) await store.remove(key, 'unasked');
    await store.close();
  });

  async function read(key: string): Promise<string | null> {
    return (await store.read(key, 'unasked'))?.expose() ?? null;
  }

  it('is open', async () => {
    assert.deepEqual(await store.state(), { kind: 'open' });
  });

  it('answers null for what it does not hold', async () => {
    assert.equal(await store.read('a', 'unasked'), null);
  });

  it('gives back what was written, whoever wants it', async () => {
    await store.write('a', new Secret('one'), 'unasked');
    await store.write('b', new Secret('two'), 'asked');
    assert.equal((await store.read('a', 'asked'))?.expose(), 'one');
    assert.equal((await store.read('b', 'unasked'))?.expose(), 'two');
  });

  it('writes over what was there, with something longer or shorter', async () => {
    for (const value of ['first', 'x'.repeat(9_000), 'last']) {
      await store.write('a', new Secret(value), 'unasked');
      assert.equal(await read('a'), value);
    }
  });

  it('removes, and removing what is not there is no failure', async () => {
    await store.write('a', new Secret('one'), 'unasked');
    await store.remove('a', 'unasked');
    assert.equal(await read('a'), null);
    await store.remove('a', 'asked');
  });

  it('keeps keys apart, even when one begins like the other', async () => {
    await store.write('a', new Secret('one'.repeat(2_000)), 'unasked');
    await store.write('a.1', new Secret('two'), 'unasked');
    await store.remove('a', 'unasked');
    assert.equal(await read('a'), null);
    assert.equal(await read('a.1'), 'two');
  });

  it('takes a key of 200 characters', async () => {
    await store.write(longKey, new Secret('one'), 'unasked');
    assert.equal(await read(longKey), 'one');
  });

  for (const [name, value] of Object.entries(values)) {
    it(`keeps ${name} to the letter`, async () => {
      await store.write('a', new Secret(value), 'unasked');
      assert.equal(await read('a'), value);
    });
  }

  it('answers many calls made at once', async () => {
    await store.write('a', new Secret('one'), 'unasked');
    const answers = await Promise.all(Array.from({ length: 20 }, () => read('a')));
    assert.deepEqual(new Set(answers), new Set(['one']));
  });

  it('takes no harm from an unlock while it is open', async () => {
    await store.write('a', new Secret('one'), 'unasked');
    await store.unlock(null);
    await store.unlock(passphrase);
    assert.equal(await read('a'), 'one');
  });

  it('can be locked, twice, and is as good as new when it is unlocked', async () => {
    store.lock();
    store.lock();
    await store.unlock(passphrase);
    assert.deepEqual(await store.state(), { kind: 'open' });
    await store.write('a', new Secret('one'), 'unasked');
    assert.equal(await read('a'), 'one');
  });

  it('refuses a passphrase where it takes none', async () => {
    if (passphrase !== null) return;
    await assert.rejects(
      store.unlock(new Secret('cAnArY')),
      (error) => error instanceof ProblemError && error.problem.code === 'bad_request',
    );
  });

  it('can be closed twice', async () => {
    await store.close();
    await store.close();
    store = await open();
  });
}

const longKey = `${'Key-0.'.repeat(33)}zz`;

const values = {
  'an authorized key': JSON.stringify({
    id: 'ajeabc',
    private_key: `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC/+=='.repeat(45)}\n`,
  }),
  'quotes, backslashes and line ends': `'"\\\r\n\t $(x) %00`,
  'letters of all kinds': 'ключ 鍵 🔑 e\u0301',
  'a value of 50,000 characters': 'é'.repeat(50_000),
};
