import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createMemoryStore } from '../../src/keychain/memory-store.ts';
import { type Problem, ProblemError } from '../../src/shared/errors.ts';
import { Secret } from '../../src/shared/secret.ts';
import {
  codeOf,
  login,
  refreshed,
  type Running,
  startProfiles,
  tokenOf,
  type World,
  world,
} from '../support/profiles-fixture.ts';
import { problemOfRefusal } from '../support/refusal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const daemonLocked: Problem = {
  code: 'locked',
  message: 'the daemon is locked',
  hint: 'iam-token unlock',
};

describe('a locked daemon', () => {
  const folder = temporaryFolder();
  let here: World;
  let running: Running;

  beforeEach(async () => {
    here = world(folder());
    running = await loaded();
    await login(running, 'a', 'work');
    here.announced.splice(0);
  });

  async function loaded(): Promise<Running> {
    const started = startProfiles(here);
    await started.profiles.load();
    return started;
  }

  const token = async (name?: string): Promise<string> => tokenOf(running.profiles.ready(name));
  const onDisk = (): { readonly locked?: boolean } =>
    JSON.parse(readFileSync(join(folder(), 'profiles.json'), 'utf8')) as { readonly locked?: boolean };

  it('refuses every token, whoever is named, and says how it ends', async () => {
    assert.equal(await running.profiles.lock(), 'locked');
    assert.equal(running.profiles.isLocked, true);
    for (const name of [undefined, 'work', 'nobody']) {
      assert.deepEqual(await problemOfRefusal(token(name)), daemonLocked);
    }
    assert.equal(await running.profiles.lock(), 'was_locked');
  });

  it('refuses at once who waits, gives up the exchange, and takes nothing from it', async () => {
    here.iam.respond = null;
    const waiting = codeOf(refreshed(running.profiles.named()));
    await until(() => here.iam.exchanges.length === 2, 'the exchange is under way');
    const locking = running.profiles.lock();
    assert.equal(running.profiles.named().state.token, null);
    assert.equal(here.iam.exchanges[1]?.signal.aborted, true);
    assert.equal(await waiting, 'locked');
    await locking;
    here.iam.exchanges[1]?.succeed();
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(running.profiles.named().state.token, null);
  });

  it('tells its store to forget, and its subscribers, once', async () => {
    await login(running, 'b', 'home');
    here.announced.splice(0);
    await running.profiles.lock();
    await running.profiles.lock();
    assert.equal(here.store.locks, 2);
    assert.deepEqual(here.announced, ['locked work', 'locked home']);
  });

  it('asks nobody for anything, however long it lasts', async () => {
    await running.profiles.lock();
    const calls = here.store.calls.length;
    here.clock.advance(24 * 60 * 60_000);
    running.profiles.replan();
    await turn();
    await codeOf(token());
    assert.deepEqual([here.store.calls.length, here.iam.exchanges.length], [calls, 1]);
  });

  it('is locked after a restart too, and leaves the store alone', async () => {
    await running.profiles.lock();
    assert.equal(onDisk().locked, true);
    await running.profiles.stop();
    const calls = here.store.calls.length;
    running = await loaded();
    assert.deepEqual(await problemOfRefusal(token()), daemonLocked);
    assert.equal(here.store.calls.length, calls);
    assert.equal(await running.profiles.unlock(null), 'opened');
    assert.equal(await token(), 't1.a.1');
    assert.equal('locked' in onDisk(), false);
    await running.profiles.stop();
    running = await loaded();
    assert.equal(await token(), 't1.a.1');
  });

  it('serves after an unlock what was kept, without an exchange, and tells its subscribers', async () => {
    await running.profiles.lock();
    here.announced.splice(0);
    assert.equal(await running.profiles.unlock(null), 'opened');
    assert.equal(running.profiles.isLocked, false);
    assert.equal(await token(), 't1.a.1');
    assert.equal(here.iam.exchanges.length, 1);
    assert.deepEqual(here.announced, ['rotated work']);
    assert.equal(await running.profiles.unlock(null), 'was_open');
    assert.equal(here.iam.exchanges.length, 1);
    assert.deepEqual(here.announced, ['rotated work']);
  });

  it('reads its store in the manner of a person who asked', async () => {
    await running.profiles.lock();
    const before = here.store.calls.length;
    await running.profiles.unlock(null);
    const reads = here.store.calls.slice(before).filter(({ operation }) => operation === 'read');
    assert.deepEqual(
      reads.map(({ manner }) => manner),
      ['asked', 'asked'],
    );
  });

  it('stays locked when the store does not open', async () => {
    await running.profiles.lock();
    here.store.failWith('keychain_locked');
    assert.equal(await codeOf(running.profiles.unlock(null)), 'keychain_locked');
    assert.deepEqual([running.profiles.isLocked, onDisk().locked], [true, true]);
    assert.equal(await codeOf(token()), 'locked');
  });

  it('has a memory store that forgot everything', async () => {
    const store = createMemoryStore();
    await store.write('x', new Secret('one'), 'asked');
    running = startProfiles(here, { store });
    await running.profiles.lock();
    assert.equal(await store.read('x', 'asked'), null);
  });

  it('reads once more, at an unlock, what it found closed', async () => {
    await running.profiles.stop();
    here.store.failWith('keychain_locked');
    running = await loaded();
    assert.equal(await codeOf(token()), 'keychain_locked');
    here.store.failWith(null);
    assert.equal(await running.profiles.unlock(null), 'was_open');
    assert.equal(await token(), 't1.a.1');
  });

  it('takes nothing from a store that answers after the lock', async () => {
    await running.profiles.stop();
    const release = here.store.hold(({ operation }) => operation === 'read');
    running = startProfiles(here);
    const loading = running.profiles.load();
    await turn();
    await running.profiles.lock();
    release();
    await loading;
    assert.equal(running.profiles.named().state.token, null);
    assert.equal(await codeOf(token()), 'locked');
  });

  it('is not unlocked by an unlock that was under way when it was locked', async () => {
    await running.profiles.lock();
    const unlocking = problemOfRefusal(running.profiles.unlock(null));
    await running.profiles.lock();
    assert.equal((await unlocking).code, 'locked');
    assert.deepEqual([running.profiles.isLocked, onDisk().locked], [true, true]);
    assert.equal(await codeOf(token()), 'locked');
  });

  describe('and logins', () => {
    it('refuses one, before anything of it is kept', async () => {
      await running.profiles.lock();
      const keys = here.store.keys();
      assert.deepEqual(await problemOfRefusal(login(running, 'b')), daemonLocked);
      assert.deepEqual([here.store.keys(), running.current().discarded], [keys, []]);
      assert.equal(here.iam.exchanges.length, 1);
    });

    it('gives up one that is under way, and keeps the old credential', async () => {
      here.iam.respond = null;
      const loggingIn = problemOfRefusal(login(running, 'b'));
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      await running.profiles.lock();
      assert.deepEqual(await loggingIn, daemonLocked);
      here.iam.respond = (exchange) => exchange.succeed();
      await running.profiles.unlock(null);
      assert.match(await refreshed(running.profiles.named()), /^t1\.a\./);
    });

    it('keeps no token of one that was live already', async () => {
      here.iam.respond = null;
      const loggingIn = problemOfRefusal(login(running, 'b'));
      await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
      const inner = { ...running.registry };
      let flipped = false;
      running.registry.change = async (changed) => {
        await inner.change(changed);
        if (flipped) return;
        flipped = true;
        await running.profiles.lock();
      };
      here.iam.exchanges[1]?.succeed();
      assert.deepEqual(await loggingIn, daemonLocked);
      assert.equal(running.profiles.named().state.token, null);
      here.iam.respond = (exchange) => exchange.succeed();
      await running.profiles.unlock(null);
      assert.match(await token(), /^t1\.b\./);
      await until(() => running.current().discarded.length === 0, 'the old one is removed');
      assert.equal(here.store.keys().filter((key) => !key.endsWith('.token')).length, 1);
    });
  });

  it('leaves the slot of a login that is under way alone at an unlock', async () => {
    here.iam.respond = null;
    const loggingIn = login(running, 'b');
    await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
    await running.profiles.unlock(null);
    for (let i = 0; i < 20; i++) await turn();
    here.iam.exchanges[1]?.succeed();
    await loggingIn;
    await running.profiles.stop();
    running = await loaded();
    assert.equal(await token(), 't1.b.2');
    here.iam.respond = (exchange) => exchange.succeed();
    assert.equal(await refreshed(running.profiles.named()), 't1.b.3');
  });

  it('leaves a slot alone that has become live while older ones were emptied', async () => {
    here.store.failWith('keychain_unavailable', ({ operation }) => operation === 'remove');
    await running.profiles.logout('work');
    for (let i = 0; i < 20; i++) await turn(); // it is asked once more behind
    const [old = ''] = running.current().discarded;
    here.store.failWith(null);
    here.iam.respond = null;
    const loggingIn = login(running, 'b');
    await until(() => here.iam.exchanges.length === 2, 'the login is confirmed');
    const release = here.store.hold(({ operation, key }) => operation === 'remove' && key.includes(old));
    await running.profiles.unlock(null);
    here.iam.exchanges[1]?.succeed();
    await loggingIn;
    release();
    await until(() => running.current().discarded.length === 0, 'the old one is removed');
    for (let i = 0; i < 20; i++) await turn();
    await running.profiles.stop();
    running = await loaded();
    assert.equal(await token(), 't1.b.2');
  });

  it('removes at an unlock what a logout had to leave in the store', async () => {
    await running.profiles.lock();
    here.store.failWith('locked', ({ operation }) => operation === 'remove');
    await running.profiles.logout('work');
    assert.equal(running.current().discarded.length, 1);
    here.store.failWith(null);
    await running.profiles.unlock(null);
    await until(() => running.current().discarded.length === 0, 'it is removed');
    assert.deepEqual(here.store.keys(), []);
  });

  describe('on a disk that is full', () => {
    let full: boolean;

    beforeEach(() => {
      full = false;
      const inner = { ...running.registry };
      running.registry.change = (changed) =>
        full
          ? Promise.reject(new ProblemError({ code: 'internal', message: 'profiles.json cannot be written' }))
          : inner.change(changed);
    });

    it('is locked all the same, and says until when', async () => {
      full = true;
      assert.deepEqual(await problemOfRefusal(running.profiles.lock()), {
        code: 'internal',
        message: 'locked, but only until the daemon ends: profiles.json cannot be written',
      });
      assert.equal(await codeOf(token()), 'locked');
    });

    it('is not unlocked, and its store is closed again', async () => {
      await running.profiles.lock();
      full = true;
      assert.equal(await codeOf(running.profiles.unlock(null)), 'internal');
      assert.equal(await codeOf(token()), 'locked');
      assert.equal(here.store.locks, 2);
      full = false;
      assert.equal(await running.profiles.unlock(null), 'opened');
    });
  });
});
