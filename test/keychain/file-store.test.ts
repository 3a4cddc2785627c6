import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import { problemOf } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import { diskError, watchedDisk } from '../support/failing-disk.ts';
import { testClock } from '../support/test-clock.ts';
import { itIsACredentialStore } from './store-contract.ts';
import { fileStores, problem, read, right, startAnew, write, wrong } from '../support/file-stores.ts';

describe('file-store', () => {
  const { home, path, store, keyStore, unlocked, said, saidByState } = fileStores();

  describe('with a passphrase', () => {
    describe('as any store', () => itIsACredentialStore(() => unlocked(), right));

    it('starts without a store, is locked, and says how it is made', async () => {
      const fresh = store();
      const sentence =
        'locked: there is no file store /iam-tokend/store yet | iam-token unlock asks for a new passphrase and makes it';
      const state = await fresh.state();
      assert.equal(state.kind === 'closed' && state.passphrase, 'new');
      assert.equal(await saidByState(fresh), sentence);
      assert.equal(await said(fresh.read('a', 'unasked')), sentence);
      assert.equal(await said(write(fresh, 'a', 'one')), sentence);
      assert.equal(existsSync(home()), false);
    });

    it('is made by the first unlock, for its owner alone', async () => {
      const made = await unlocked();
      assert.equal(existsSync(path()), true);
      assert.deepEqual(await made.state(), { kind: 'open' });
      assert.equal(statSync(path()).mode & 0o777, 0o600);
      assert.equal(statSync(home()).mode & 0o777, 0o700);
    });

    it('is locked after a restart until the passphrase is given', async () => {
      await write(await unlocked(), 'a', 'one');
      const again = store();
      assert.equal(await saidByState(again), 'locked: the file store is locked | iam-token unlock');
      const state = await again.state();
      assert.equal(state.kind === 'closed' && state.passphrase, 'needed');
      assert.equal(await said(again.unlock(null)), 'locked: the file store is locked | iam-token unlock');
      assert.equal(
        await said(again.read('a', 'unasked')),
        'locked: the file store is locked | iam-token unlock',
      );
      await again.unlock(right);
      assert.equal(await read(again, 'a'), 'one');
    });

    it('refuses a wrong passphrase and an empty one, and stays as it is', async () => {
      await write(await unlocked(), 'a', 'one');
      const closed = store();
      const sentence =
        'locked: this passphrase does not open the file store /iam-tokend/store | ' +
        `try again: iam-token unlock; if it is forgotten, ${startAnew}`;
      assert.equal(await said(closed.unlock(wrong)), sentence);
      assert.equal(
        await said(closed.unlock(new Secret(''))),
        'locked: the passphrase is empty | iam-token unlock',
      );
      assert.equal((await closed.state()).kind, 'closed');
      await closed.unlock(right);
      assert.equal(await said(closed.unlock(wrong)), sentence);
      assert.equal(await read(closed, 'a'), 'one');
    });

    it('makes no store with an empty passphrase', async () => {
      await problem(store().unlock(new Secret('')));
      assert.equal(existsSync(path()), false);
    });

    it('can be locked, and unlocked again', async () => {
      const opened = await unlocked();
      await write(opened, 'a', 'one');
      opened.lock();
      assert.equal((await problem(opened.read('a', 'asked'))).code, 'locked');
      await opened.unlock(right);
      assert.equal(await read(opened, 'a'), 'one');
      await opened.close();
      assert.equal((await problem(opened.read('a', 'asked'))).code, 'locked');
    });

    it('stays locked when it is locked during an unlock', async () => {
      const opened = await unlocked();
      const unlocking = opened.unlock(right);
      opened.lock();
      assert.equal(
        await said(unlocking),
        'locked: the file store was locked again meanwhile | iam-token unlock',
      );
      assert.equal((await opened.state()).kind, 'closed');
    });

    it('does not take a store that another was put in the place of', async () => {
      const opened = await unlocked();
      await write(opened, 'a', 'one');
      rmSync(path());
      await (await unlocked()).close();
      assert.equal(
        await saidByState(opened),
        'locked: another file store lies in the place of the one that was unlocked | iam-token unlock',
      );
      const state = await opened.state();
      assert.equal(state.kind === 'closed' && state.passphrase, 'needed');
      assert.equal((await problem(write(opened, 'a', 'two'))).code, 'locked');
      await opened.unlock(right);
      assert.equal(await read(opened, 'a'), null);
    });

    it('keeps the cost that a store was made with', async () => {
      await unlocked({ log2N: 11 });
      await write(await unlocked({ log2N: 10 }), 'a', 'one');
      assert.equal(readFileSync(path())[18], 11);
    });

    it('shows no passphrase, key or item to whoever prints it', async () => {
      const opened = await unlocked();
      await write(opened, 'a', 'very secret');
      assert.doesNotMatch(inspect(opened, { depth: 9, showHidden: true }), /horse|very secret/);
    });
  });

  it('loses no item of many that are written and removed at once', async () => {
    const opened = await unlocked();
    await write(opened, 'old', 'x');
    const names = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    await Promise.all([...names.map((name) => write(opened, name, name)), opened.remove('old', 'asked')]);
    const again = await unlocked();
    assert.deepEqual(await Promise.all(names.map((name) => read(again, name))), names);
    assert.equal(await read(again, 'old'), null);
  });

  it('makes one store of two unlocks at once', async () => {
    const fresh = store();
    await Promise.all([fresh.unlock(right), fresh.unlock(right)]);
    await write(fresh, 'a', 'one');
    assert.equal((await problem(store().unlock(wrong))).code, 'locked');
  });

  it('gives up on a disk that does not answer, within the time of its manner, and loses nothing', async () => {
    const clock = testClock();
    let answer = (): void => {};
    const stuck = new Promise<void>((resolve) => (answer = resolve));
    const reached = { resolve: (): void => {} };
    const atTheDisk = new Promise<void>((resolve) => (reached.resolve = resolve));
    const fs = watchedDisk((call) => {
      if (call !== 'sync') return undefined;
      reached.resolve();
      return stuck;
    });
    await write(keyStore(), 'a', 'one');
    const slow = keyStore({ fs, clock });
    const sentence =
      "keychain_unavailable: the disk with the file store /iam-tokend/store does not answer | see how it is: df '/iam-tokend/store'";
    const writing = said(slow.write('a', new Secret('two'), 'asked'));
    await atTheDisk;
    const reading = said(slow.read('a', 'unasked'));
    clock.advance(10_000);
    assert.equal(await reading, sentence);
    clock.advance(110_000);
    assert.equal(await writing, sentence);
    const closing = slow.close();
    answer();
    await closing;
    assert.equal(await read(keyStore(), 'a'), 'two');
  });

  it('never throws at close', async () => {
    const fs = watchedDisk(() => {
      throw diskError('EIO');
    });
    const broken = keyStore({ fs });
    const reading = broken.read('a', 'unasked').catch(problemOf);
    await broken.close();
    await reading;
  });
});
