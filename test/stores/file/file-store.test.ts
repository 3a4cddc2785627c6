import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import { problemOf } from '../../../src/shared/errors.ts';
import { Secret } from '../../../src/shared/secret.ts';
import { createFileError, interceptFileCalls } from '../../support/stores/intercept-file-calls.ts';
import { createTestClock } from '../../support/time/test-clock.ts';
import { describeCredentialStore } from '../credential-store-contract.ts';
import {
  useFileStores,
  captureProblem,
  readItem,
  correctPassphrase,
  newStoreHint,
  writeItem,
  wrongPassphrase,
} from '../../support/stores/file-stores.ts';

describe('file-store', () => {
  const {
    storeFolder,
    path,
    keyPath,
    createStore,
    createKeyFileStore,
    createUnlockedStore,
    problemTextOf,
    stateTextOf,
  } = useFileStores();

  describe('with a passphrase', () => {
    describe('as a credential store', () =>
      describeCredentialStore(() => createUnlockedStore(), correctPassphrase));

    it('is locked before it exists, with a hint how to create it', async () => {
      const newStore = createStore();
      const sentence =
        'locked: the file store /iam-tokend/store does not exist yet | choose its passphrase: iam-token unlock';
      const state = await newStore.state();
      assert.equal(state.kind === 'closed' && state.passphrase, 'new');
      assert.equal(await stateTextOf(newStore), sentence);
      assert.equal(await problemTextOf(newStore.read('a', 'background')), sentence);
      assert.equal(await problemTextOf(writeItem(newStore, 'a', 'one')), sentence);
      assert.equal(existsSync(storeFolder()), false);
    });

    it('is created by the first unlock, for its owner only', async () => {
      const openStore = await createUnlockedStore();
      assert.equal(existsSync(path()), true);
      assert.deepEqual(await openStore.state(), { kind: 'open' });
      assert.equal(statSync(path()).mode & 0o777, 0o600);
      assert.equal(statSync(storeFolder()).mode & 0o777, 0o700);
    });

    it('is locked after a restart until it is unlocked', async () => {
      await writeItem(await createUnlockedStore(), 'a', 'one');
      const reopenedStore = createStore();
      assert.equal(await stateTextOf(reopenedStore), 'locked: the file store is locked | iam-token unlock');
      const state = await reopenedStore.state();
      assert.equal(state.kind === 'closed' && state.passphrase, 'needed');
      assert.equal(
        await problemTextOf(reopenedStore.unlock(null)),
        'locked: the file store is locked | iam-token unlock',
      );
      assert.equal(
        await problemTextOf(reopenedStore.read('a', 'background')),
        'locked: the file store is locked | iam-token unlock',
      );
      await reopenedStore.unlock(correctPassphrase);
      assert.equal(await readItem(reopenedStore, 'a'), 'one');
    });

    it('rejects a wrong or empty passphrase, and stays open or locked', async () => {
      await writeItem(await createUnlockedStore(), 'a', 'one');
      const lockedStore = createStore();
      const sentence =
        'locked: wrong passphrase for the file store /iam-tokend/store | ' +
        `try again: iam-token unlock\nif the passphrase is lost, ${newStoreHint}`;
      assert.equal(await problemTextOf(lockedStore.unlock(wrongPassphrase)), sentence);
      assert.equal(
        await problemTextOf(lockedStore.unlock(new Secret(''))),
        'locked: the passphrase is empty | iam-token unlock',
      );
      assert.equal((await lockedStore.state()).kind, 'closed');
      await lockedStore.unlock(correctPassphrase);
      assert.equal(await problemTextOf(lockedStore.unlock(wrongPassphrase)), sentence);
      assert.equal(await readItem(lockedStore, 'a'), 'one');
    });

    it('is not created with an empty passphrase', async () => {
      await captureProblem(createStore().unlock(new Secret('')));
      assert.equal(existsSync(path()), false);
    });

    it('can be locked and unlocked again', async () => {
      const openStore = await createUnlockedStore();
      await writeItem(openStore, 'a', 'one');
      openStore.lock();
      assert.equal((await captureProblem(openStore.read('a', 'interactive'))).code, 'locked');
      await openStore.unlock(correctPassphrase);
      assert.equal(await readItem(openStore, 'a'), 'one');
      await openStore.close();
      assert.equal((await captureProblem(openStore.read('a', 'interactive'))).code, 'locked');
    });

    it('stays locked when it is locked during an unlock', async () => {
      const openStore = await createUnlockedStore();
      const unlocking = openStore.unlock(correctPassphrase);
      openStore.lock();
      assert.equal(
        await problemTextOf(unlocking),
        'locked: the file store was locked again during the unlock | iam-token unlock',
      );
      assert.equal((await openStore.state()).kind, 'closed');
    });

    it('is locked when its file is replaced by another store', async () => {
      const openStore = await createUnlockedStore();
      await writeItem(openStore, 'a', 'one');
      rmSync(path());
      await (await createUnlockedStore()).close();
      assert.equal(
        await stateTextOf(openStore),
        'locked: the file store /iam-tokend/store was replaced after it was unlocked | iam-token unlock',
      );
      const state = await openStore.state();
      assert.equal(state.kind === 'closed' && state.passphrase, 'needed');
      assert.equal((await captureProblem(writeItem(openStore, 'a', 'two'))).code, 'locked');
      await openStore.unlock(correctPassphrase);
      assert.equal(await readItem(openStore, 'a'), null);
    });

    it('A2: does not overwrite a file that another program changed, until it is unlocked', async () => {
      const openStore = await createUnlockedStore();
      await writeItem(openStore, 'a', 'one');
      const other = await createUnlockedStore();
      await writeItem(other, 'b', 'two');
      const bytes = readFileSync(path());
      const refusal =
        'keychain_unavailable: the file store /iam-tokend/store was changed by another program and is not overwritten | ' +
        'to use it as it is: iam-token unlock';
      assert.equal(await problemTextOf(writeItem(openStore, 'c', 'three')), refusal);
      assert.equal(await problemTextOf(openStore.remove('a', 'interactive')), refusal);
      assert.deepEqual(readFileSync(path()), bytes);
      assert.deepEqual(readdirSync(storeFolder()), ['store']);
      assert.equal(await readItem(openStore, 'b'), 'two');
      await openStore.unlock(null);
      await writeItem(openStore, 'c', 'three');
      assert.equal(await problemTextOf(writeItem(other, 'd', 'four')), refusal);
      for (const [name, value] of Object.entries({ a: 'one', b: 'two', c: 'three' }))
        assert.equal(await readItem(other, name), value);
    });

    it('keeps the scrypt cost that it was created with', async () => {
      await createUnlockedStore({ log2N: 11 });
      await writeItem(await createUnlockedStore({ log2N: 10 }), 'a', 'one');
      assert.equal(readFileSync(path())[18], 11);
    });

    it('shows no passphrase, key or item when it is printed', async () => {
      const openStore = await createUnlockedStore();
      await writeItem(openStore, 'a', 'very secret');
      assert.doesNotMatch(inspect(openStore, { depth: 9, showHidden: true }), /horse|very secret/);
    });
  });

  it('loses no item when many are written and removed at once', async () => {
    const openStore = await createUnlockedStore();
    await writeItem(openStore, 'old', 'x');
    const names = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    await Promise.all([
      ...names.map((name) => writeItem(openStore, name, name)),
      openStore.remove('old', 'interactive'),
    ]);
    const reopenedStore = await createUnlockedStore();
    assert.deepEqual(await Promise.all(names.map((name) => readItem(reopenedStore, name))), names);
    assert.equal(await readItem(reopenedStore, 'old'), null);
  });

  it('is created once by two unlocks at once', async () => {
    const newStore = createStore();
    await Promise.all([newStore.unlock(correctPassphrase), newStore.unlock(correctPassphrase)]);
    await writeItem(newStore, 'a', 'one');
    assert.equal((await captureProblem(createStore().unlock(wrongPassphrase))).code, 'locked');
  });

  it('times out on a disk that does not respond, and loses nothing', async () => {
    const clock = createTestClock();
    let answer = (): void => {};
    const blockedSync = new Promise<void>((resolve) => (answer = resolve));
    const reached = { resolve: (): void => {} };
    const atTheDisk = new Promise<void>((resolve) => (reached.resolve = resolve));
    const fs = interceptFileCalls((call) => {
      if (call !== 'sync') return undefined;
      reached.resolve();
      return blockedSync;
    });
    await writeItem(createKeyFileStore(), 'a', 'one');
    const slowStore = createKeyFileStore({ fs, clock });
    const sentence =
      "keychain_unavailable: the disk of the file store /iam-tokend/store does not respond | df '/iam-tokend/store'";
    const writing = problemTextOf(slowStore.write('a', new Secret('two'), 'interactive'));
    await atTheDisk;
    const reading = problemTextOf(slowStore.read('a', 'background'));
    clock.advance(10_000);
    assert.equal(await reading, sentence);
    const readingLater = problemTextOf(slowStore.read('a', 'background'));
    clock.advance(10_000);
    assert.equal(await readingLater, sentence);
    clock.advance(100_000);
    assert.equal(await writing, sentence);
    const closing = slowStore.close();
    answer();
    await closing;
    assert.equal(await readItem(slowStore, 'a'), 'two');
    assert.equal(await readItem(createKeyFileStore(), 'a'), 'two');
  });

  it('E7: reads its file once for all items that are read together, and again after a write', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `item-${index}`);
    const opened: string[] = [];
    const fs = interceptFileCalls((call, file) => void (call === 'open' && opened.push(file)));
    const openStore = createKeyFileStore({ fs });
    await writeItem(openStore, 'item-7', 'seven');
    opened.length = 0;
    const values = await Promise.all(names.map((name) => readItem(openStore, name)));
    assert.equal(values[7], 'seven');
    assert.deepEqual(opened, [path(), keyPath()]);
    opened.length = 0;
    const [early, , late] = await Promise.all([
      readItem(openStore, 'item-7'),
      writeItem(openStore, 'item-7', 'new'),
      readItem(openStore, 'item-7'),
    ]);
    assert.deepEqual([early, late], ['seven', 'new']);
    const together = await openStore.readTogether?.(['item-7', 'item-8'], 'background');
    assert.deepEqual(
      [...(together ?? [])].map(([name, value]) => [name, value.expose()]),
      [['item-7', 'new']],
    );
  });

  it('never throws at close', async () => {
    const fs = interceptFileCalls(() => {
      throw createFileError('EIO');
    });
    const failingStore = createKeyFileStore({ fs });
    const reading = failingStore.read('a', 'background').catch(problemOf);
    await failingStore.close();
    await reading;
  });
});
