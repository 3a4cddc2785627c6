import assert from 'node:assert/strict';
import { createMemoryStore } from '../../src/stores/memory-store.ts';
import { Secret } from '../../src/shared/secret.ts';
import { describeCredentialStore } from './credential-store-contract.ts';

describe('memory-store', () => {
  describeCredentialStore(createMemoryStore);

  it('drops everything when it is locked', async () => {
    const store = createMemoryStore();
    await store.write('a', new Secret('one'), 'background');
    store.lock();
    assert.equal(await store.read('a', 'background'), null);
  });

  it('drops everything when it is closed', async () => {
    const store = createMemoryStore();
    await store.write('a', new Secret('one'), 'background');
    await store.close();
    assert.equal(await store.read('a', 'background'), null);
  });
});
