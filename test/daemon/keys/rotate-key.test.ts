import assert from 'node:assert/strict';
import type { ReplacedKey } from '../../../src/daemon/keys/key-replacement.ts';
import { createFailureProblem } from '../../../src/daemon/profiles/profile-problems.ts';
import { account, captureProblem, key, KeyFixture } from '../../support/daemon/key-fixture.ts';
import { type RunningProfiles, requestToken } from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('the rotation of a key', () => {
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

  it('replaces it: IAM and the store have the new key only, and IAM rejects the old one', async () => {
    const { keyId, replacedKeyId, replacedKey, problem } = await rotate();
    assert.deepEqual([replacedKeyId, replacedKey, problem], [key.id, 'deleted', null]);
    assert.deepEqual(fixture.listKeyIds(), [keyId]);
    assert.equal(running.current().profiles['default']?.key?.id, keyId);
    assert.deepEqual(fixture.listSlots(), [running.current().profiles['default']?.slot]);
    assert.equal(running.current().obsoleteKeys, undefined);
    assert.equal(await fixture.hasWorkingKey(running), true);
    const restarted = await fixture.startLoaded();
    assert.equal(await fixture.hasWorkingKey(restarted), true);
    await assert.rejects(fixture.login(restarted, 'again'), /key of the JWT is not found/);
  });

  it('says what to do about a failure, also one that may pass', () => {
    for (const kind of ['transient', 'terminal'] as const) {
      assert.equal(
        createFailureProblem({ kind, message: 'no', hint: 'set the clock' }).hint,
        'set the clock',
      );
    }
  });

  it('serves a token of the new key from then on, also after a restart', async () => {
    const before = await requestToken(running.profiles.get());
    await rotate();
    const after = await requestToken(running.profiles.get());
    assert.notEqual(after, before);
    assert.equal(fixture.emulator.subjectOfValidToken(after), account);
    await running.profiles.stop();
    const restarted = await fixture.startLoaded();
    assert.equal(await requestToken(restarted.profiles.get()), after);
  });

  it('writes a random rotation id into the pending slot before it creates a key with this id', async () => {
    const { store } = fixture.base;
    const release = store.holdCalls(({ operation }) => operation === 'write');
    const rotation = rotate();
    const findPending = () => Object.entries(running.current().obsoleteKeys ?? {})[0] ?? [];
    const isWriting = (): boolean =>
      store.calls.some(({ key: item }) => item.endsWith(`.${findPending()[0]}`));
    await waitUntil(isWriting, 'the rotation id is being written');
    const [slot, obsolete] = findPending();
    assert.ok(slot !== undefined && obsolete !== undefined && 'rotationId' in obsolete);
    assert.equal(fixture.emulator.countRequests('POST /iam/v1/keys'), 0);
    release();
    const { keyId } = await rotation;
    const description = `iam-tokend rotation ${obsolete.rotationId}`;
    assert.equal(fixture.emulator.keys.find(keyId)?.description, description);
  });

  it('waits until IAM knows the new key, for up to 30 s', async () => {
    fixture.emulator.keys.propagationDelayMs = 20_000;
    const rotation = rotate();
    let isOver = false;
    void rotation.finally(() => (isOver = true)).catch(() => undefined);
    await waitUntil(() => {
      fixture.base.clock.advance(500);
      return isOver;
    }, 'the rotation ends');
    assert.equal((await rotation).replacedKey, 'deleted');
  });

  it('deletes a new key that IAM does not accept within 30 s', async () => {
    fixture.emulator.keys.propagationDelayMs = 3_600_000;
    const rotation = captureProblem(rotate());
    let isOver = false;
    void rotation.finally(() => (isOver = true));
    await waitUntil(() => {
      fixture.base.clock.advance(500);
      return isOver;
    }, 'the rotation ends');
    assert.match((await rotation).message, /^the new key was not accepted within 30 s: /);
    await fixture.assertUnchanged(running);
  });

  it('keeps the old key if it is told to', async () => {
    const { keyId, replacedKey } = await rotate(true);
    assert.equal(replacedKey, 'kept');
    assert.deepEqual(fixture.listKeyIds(), [key.id, keyId]);
    assert.equal(running.current().obsoleteKeys, undefined);
  });
});
