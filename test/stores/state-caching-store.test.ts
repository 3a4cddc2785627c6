import assert from 'node:assert/strict';
import type { StoreState } from '../../src/stores/credential-store.ts';
import { createMemoryStore } from '../../src/stores/memory-store.ts';
import { Secret } from '../../src/shared/secret.ts';
import { StateCachingStore } from '../../src/stores/state-caching-store.ts';
import { FakeStore } from '../support/stores/fake-store.ts';
import { createTestClock, type TestClock } from '../support/time/test-clock.ts';
import { describeCredentialStore } from './credential-store-contract.ts';

describe('StateCachingStore', () => {
  let clock: TestClock;
  let inner: FakeStore;
  let probeCount: number;
  let store: StateCachingStore;

  beforeEach(() => {
    clock = createTestClock();
    inner = new FakeStore();
    probeCount = 0;
    inner.state = async () => {
      probeCount += 1;
      return { kind: 'open' };
    };
    store = new StateCachingStore(inner, clock);
  });

  describeCredentialStore(() => new StateCachingStore(createMemoryStore(), createTestClock()));

  it('D2: remembers a state for a second', async () => {
    assert.equal(store.recentState, null);
    await store.state();
    assert.deepEqual(store.recentState, { kind: 'open' });
    clock.advance(1_000);
    assert.deepEqual(store.recentState, { kind: 'open' });
    clock.advance(1);
    assert.equal(store.recentState, null);
  });

  it('D2: shares one look at the store among concurrent calls', async () => {
    await Promise.all(Array.from({ length: 1_000 }, () => store.state()));
    assert.equal(probeCount, 1);
    await store.state();
    assert.equal(probeCount, 2);
  });

  it('does not remember a state from before the end of a change', async () => {
    let finishProbe = (_state: StoreState): void => undefined;
    inner.state = () => new Promise((resolve) => (finishProbe = resolve));
    const probe = store.state();
    await store.unlock(null);
    finishProbe({ kind: 'open' });
    await probe;
    assert.equal(store.recentState, null);
  });

  it('forgets the state when the store is used', async () => {
    const uses: readonly (() => unknown)[] = [
      () => store.read('a', 'background'),
      () => store.write('a', new Secret('one'), 'background'),
      () => store.remove('a', 'background'),
      () => store.unlock(null),
      () => store.lock(),
    ];
    for (const use of uses) {
      await store.state();
      const used = use();
      assert.equal(store.recentState, null);
      await used;
      assert.equal(store.recentState, null);
    }
  });
});
