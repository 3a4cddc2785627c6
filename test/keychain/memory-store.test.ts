import assert from 'node:assert/strict';
import { createMemoryStore } from '../../src/keychain/memory-store.ts';
import { Secret } from '../../src/shared/secret.ts';
import { itIsACredentialStore } from './store-contract.ts';

describe('memory-store', () => {
  itIsACredentialStore(createMemoryStore);

  it('keeps nothing once it is locked', async () => {
    const store = createMemoryStore();
    await store.write('a', new Secret('one'), 'unasked');
    store.lock();
    assert.equal(await store.read('a', 'unasked'), null);
  });

  it('keeps nothing once it is closed', async () => {
    const store = createMemoryStore();
    await store.write('a', new Secret('one'), 'unasked');
    await store.close();
    assert.equal(await store.read('a', 'unasked'), null);
  });
});
