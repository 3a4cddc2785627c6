import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReplacedKey } from '../../../src/daemon/keys/key-replacement.ts';
import { account, captureProblem, key, KeyFixture } from '../../support/daemon/key-fixture.ts';
import { type RunningProfiles, requestToken } from '../../support/daemon/profiles-fixture.ts';
import type { StoreCall } from '../../support/stores/fake-store.ts';
import { formatKeyFile } from '../../support/iam/test-keys.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

const roleMessage = (action: string): string =>
  `the service account ${account} cannot ${action}: it lacks the role iam.serviceAccounts.keyAdmin for itself`;

describe('the rotation of a key that does not succeed', () => {
  const folder = useTemporaryFolder();
  let fixture: KeyFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = await KeyFixture.start(folder());
    running = await fixture.startLoaded();
    await fixture.login(running);
  });
  afterEach(() => fixture.stop());

  const rotate = (keepsReplacedKey = false): Promise<ReplacedKey> =>
    running.profiles.keys.rotate(undefined, keepsReplacedKey);

  it('needs a role to create a key; without it, the old key stays', async () => {
    fixture.emulator.keys.grant(account, account, []);
    const { code, message } = await captureProblem(rotate());
    assert.deepEqual([code, message], ['login_required', roleMessage('create a key')]);
    await fixture.assertUnchanged(running);
  });

  it('reports an old key that it may not delete, and deletes it once it may', async () => {
    fixture.emulator.keys.grant(account, account, ['create', 'list']);
    const { keyId, replacedKey, problem } = await rotate();
    assert.equal(replacedKey, 'not_deleted');
    assert.equal(
      problem?.message,
      `a replaced key is still valid: ${roleMessage(`delete the key ${key.id}`)}`,
    );
    assert.deepEqual(fixture.listKeyIds(), [key.id, keyId]);
    assert.equal(await fixture.hasWorkingKey(running), true);
    // No further key is created until then.
    assert.equal((await captureProblem(rotate())).message, problem.message);
    assert.deepEqual(fixture.listKeyIds(), [key.id, keyId]);
    fixture.emulator.keys.grant(account, account);
    await fixture.hasWorkingKey(running);
    await waitUntil(() => !fixture.emulator.keys.has(key.id), 'the old key is deleted');
    assert.deepEqual(fixture.listKeyIds(), [keyId]);
  });

  it('leaves the key of a login that took the place of the profile while it waited', async () => {
    const release = fixture.base.store.holdCalls(({ operation }) => operation === 'write');
    const login = fixture.login(running);
    const rotation = captureProblem(rotate());
    await running.profiles.logout();
    release();
    await login;
    assert.equal((await rotation).code, 'unavailable');
    assert.deepEqual(fixture.listKeyIds(), [key.id]);
    assert.equal(await fixture.hasWorkingKey(running), true);
  });

  it('says that the quota of keys is reached; the old key stays', async () => {
    fixture.emulator.keys.quota = 1;
    const { code, message, hint } = await captureProblem(rotate());
    assert.equal(code, 'unavailable');
    assert.match(message, /limit on authorized keys/);
    assert.match(hint ?? '', /yc iam key list/);
    await fixture.assertUnchanged(running);
  });

  for (const fault of ['cut', 'html', 'empty', 'unavailable', 'junk'] as const) {
    it(`finds and deletes a key whose creation had no clear answer (${fault})`, async () => {
      fixture.emulator.setFault({ kind: fault }, 1, 'POST /iam/v1/keys');
      assert.equal((await captureProblem(rotate())).code, 'unavailable');
      await fixture.assertUnchanged(running);
    });
  }

  it('changes nothing in an outage', async () => {
    fixture.emulator.setFault({ kind: 'unavailable' });
    assert.equal((await captureProblem(rotate())).code, 'unavailable');
    fixture.emulator.setFault(null);
    await fixture.assertUnchanged(running);
  });

  it('deletes at the next renewal a key that it could not delete in an outage', async () => {
    fixture.emulator.keys.propagationDelayMs = 3_600_000;
    const rotation = captureProblem(rotate());
    await waitUntil(() => fixture.listKeyIds().length === 2, 'the key is created');
    fixture.emulator.setFault({ kind: 'unavailable' });
    let isOver = false;
    void rotation.finally(() => (isOver = true));
    await waitUntil(() => {
      fixture.base.clock.advance(500);
      return isOver;
    }, 'the rotation ends');
    assert.equal(fixture.listKeyIds().length, 2);
    fixture.emulator.setFault(null);
    await fixture.hasWorkingKey(running);
    await waitUntil(() => running.current().obsoleteKeys === undefined, 'the new key is deleted');
    await fixture.assertUnchanged(running);
  });

  for (const offsetMs of [3_600_000, -3_600_000]) {
    it(`works with a clock that is ${offsetMs > 0 ? 'behind' : 'ahead'} by an hour`, async () => {
      fixture.emulator.clockOffsetMs = offsetMs;
      const { keyId } = await rotate();
      assert.deepEqual(fixture.listKeyIds(), [keyId]);
      assert.equal(await fixture.hasWorkingKey(running), true);
    });
  }

  it('keeps a key that another profile uses, until that one has another key too', async () => {
    await fixture.login(running, 'work');
    const first = await rotate();
    assert.equal(first.replacedKey, 'in_use');
    assert.equal(await fixture.hasWorkingKey(running, 'work'), true);
    const second = await running.profiles.keys.rotate('work', false);
    await waitUntil(() => !fixture.emulator.keys.has(key.id), 'the old key is deleted');
    assert.deepEqual(fixture.listKeyIds(), [first.keyId, second.keyId]);
  });

  it('does not delete a replaced key after a login with it', async () => {
    fixture.emulator.keys.grant(account, account, ['create', 'list']);
    await rotate();
    await fixture.login(running, 'again');
    fixture.emulator.keys.grant(account, account);
    assert.equal(await fixture.hasWorkingKey(running, 'again'), true);
    assert.equal(await fixture.hasWorkingKey(running), true);
    await nextTurn();
    assert.ok(fixture.emulator.keys.has(key.id));
    assert.equal(running.current().obsoleteKeys, undefined);
  });

  it('leaves the keys of others alone, also those with a similar description', async () => {
    const other = { id: 'ajekother', serviceAccountId: account, publicKey: key.publicKey };
    fixture.emulator.allowKey(other, { description: `iam-tokend rotation ${'0'.repeat(32)}` });
    fixture.emulator.setFault({ kind: 'cut' }, 1, 'POST /iam/v1/keys');
    await captureProblem(rotate());
    assert.deepEqual(fixture.listKeyIds(), [key.id, other.id]);
    const { keyId } = await rotate();
    assert.deepEqual(fixture.listKeyIds(), [other.id, keyId]);
  });

  it('of a profile that impersonates an account is one of the key, not of the account', async () => {
    const impersonated = 'ajeacted000000000001';
    fixture.emulator.allowImpersonation(account, impersonated);
    const params = {
      kind: 'service-account-key',
      secret: formatKeyFile(),
      impersonateServiceAccountId: impersonated,
    };
    await running.profiles.login(params, new AbortController().signal);
    const { keyId } = await rotate();
    assert.deepEqual(fixture.listKeyIds(), [keyId]);
    const token = await requestToken(running.profiles.get());
    assert.equal(fixture.emulator.subjectOfValidToken(token), impersonated);
  });

  it('is refused before a key is created with the memory store', async () => {
    fixture.base.store.kind = 'memory';
    running = await fixture.startLoaded();
    const { code, message, hint } = await captureProblem(rotate());
    assert.equal(code, 'bad_request');
    assert.match(message, /memory store/);
    assert.match(hint ?? '', /iam-tokend --store file/);
    assert.equal(fixture.emulator.countRequests('POST /iam/v1/keys'), 0);
  });

  it('is refused before a key is created with a keychain that asks before each change', async () => {
    fixture.base.store.confirmation = { code: 'keychain_locked', message: 'KeePassXC may ask you' };
    const { code, message } = await captureProblem(rotate());
    assert.equal(code, 'keychain_locked');
    assert.equal(message, 'a key is not replaced: KeePassXC may ask you');
    assert.equal(fixture.emulator.countRequests('POST /iam/v1/keys'), 0);
  });

  it('creates no key if the store does not take the rotation id', async () => {
    fixture.base.store.failWith('keychain_locked', ({ operation }) => operation === 'write');
    fixture.base.store.state = async () => ({ kind: 'open' });
    assert.equal((await captureProblem(rotate())).code, 'keychain_locked');
    assert.equal(fixture.emulator.countRequests('POST /iam/v1/keys'), 0);
    fixture.base.store.failWith(null);
    await fixture.assertUnchanged(running);
  });

  it('deletes a key that the store does not take', async () => {
    let writes = 0;
    const isLaterWrite = ({ operation, key: item }: StoreCall): boolean =>
      operation === 'write' && !item.endsWith('.token') && ++writes > 1;
    fixture.base.store.state = async () => ({ kind: 'open' });
    fixture.base.store.failWith('keychain_locked', isLaterWrite);
    assert.equal((await captureProblem(rotate())).code, 'keychain_locked');
    assert.equal(fixture.emulator.countRequests('POST /iam/v1/keys'), 1);
    fixture.base.store.failWith(null);
    await fixture.assertUnchanged(running);
  });

  it('is refused for another kind of credential', async () => {
    fixture.emulator.allowOauthToken({ token: 'y0_person' });
    await running.profiles.login(
      { kind: 'oauth', secret: 'y0_person', profile: 'me' },
      new AbortController().signal,
    );
    const { code, message } = await captureProblem(running.profiles.keys.rotate('me', false));
    assert.equal(code, 'bad_request');
    assert.equal(message, 'profile "me" has no authorized key: its kind of credential is oauth');
  });

  it('is interrupted by a lock; the key that it created is deleted after the unlock', async () => {
    fixture.emulator.keys.propagationDelayMs = 3_600_000;
    const rotation = captureProblem(rotate());
    await waitUntil(() => fixture.listKeyIds().length === 2, 'the key is created');
    await running.profiles.lock();
    await rotation;
    await running.profiles.unlock(null);
    await waitUntil(() => running.current().obsoleteKeys === undefined, 'the new key is deleted');
    await fixture.assertUnchanged(running);
  });

  it('ends without effect if a logout comes in between', async () => {
    fixture.emulator.keys.propagationDelayMs = 5_000;
    const rotation = captureProblem(rotate());
    await waitUntil(() => fixture.listKeyIds().length === 2, 'the key is created');
    await running.profiles.logout();
    let isOver = false;
    void rotation.finally(() => (isOver = true));
    await waitUntil(() => {
      fixture.base.clock.advance(500);
      return isOver;
    }, 'the rotation ends');
    assert.deepEqual(fixture.listKeyIds(), [key.id]);
    assert.deepEqual(fixture.listSlots(), []);
  });
});
