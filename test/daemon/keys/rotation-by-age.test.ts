import assert from 'node:assert/strict';
import { account, dayMs, key, KeyFixture } from '../../support/daemon/key-fixture.ts';
import type { RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { buildProfileStatus } from '../../../src/daemon/profiles/profile-status.ts';
import type { ProfileStatus } from '../../../src/protocol/method-types.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { formatKeyFile } from '../../support/iam/test-keys.ts';

describe('the rotation of a key by its age', () => {
  const folder = useTemporaryFolder();
  let fixture: KeyFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = await KeyFixture.start(folder());
    fixture.rotateAfterMs = 90 * dayMs;
    running = await fixture.startLoaded();
  });
  afterEach(() => fixture.stop());

  const liveKey = () => running.current().profiles['default']?.key;
  const countCreated = (): number => fixture.emulator.countRequests('POST /iam/v1/keys');

  function logInWithKeyOfAge(days: number): Promise<unknown> {
    const createdAt = new Date(fixture.base.clock.now().wallMs - days * dayMs).toISOString();
    return fixture.login(running, undefined, formatKeyFile(key, { created_at: createdAt }));
  }

  function statusOf(): NonNullable<ProfileStatus['key']> {
    const profile = running.profiles.get();
    const entry = running.profiles.getEntry('default');
    const state = running.profiles.keys.getState(profile, entry);
    const { clock } = fixture.base;
    return (
      buildProfileStatus(profile, entry, true, null, state, {}, clock).key ??
      assert.fail('the profile has no key')
    );
  }

  /** Renews the token, as the schedule does, and waits for what follows. */
  async function renew(): Promise<void> {
    const requests = fixture.emulator.listRequests().length;
    assert.equal(await fixture.hasWorkingKey(running), true);
    // A rotation that is not due sends nothing after the renewal.
    await running.profiles.keys.whenIdle();
    assert.ok(fixture.emulator.listRequests().length > requests);
  }

  it('replaces a key at that age, spread over a day, and not before', async () => {
    await logInWithKeyOfAge(89);
    await renew();
    assert.equal(liveKey()?.id, key.id);
    const { createdAt = '', nextRotationAt = '' } = statusOf();
    const ageMs = Date.parse(nextRotationAt) - Date.parse(createdAt);
    assert.ok(ageMs >= 90 * dayMs && ageMs < 91 * dayMs, nextRotationAt);
    await logInWithKeyOfAge(91);
    await renew();
    assert.notEqual(liveKey()?.id, key.id);
    assert.deepEqual(fixture.listKeyIds(), [liveKey()?.id]);
    assert.equal(await fixture.hasWorkingKey(running), true);
    assert.equal(countCreated(), 1);
  });

  it('does nothing without the setting', async () => {
    fixture.rotateAfterMs = null;
    await logInWithKeyOfAge(1_000);
    await renew();
    assert.equal(countCreated(), 0);
    assert.equal(statusOf().nextRotationAt, undefined);
  });

  it('says which role is missing, and tries again after a day, also across restarts', async () => {
    fixture.emulator.keys.grant(account, account, []);
    await logInWithKeyOfAge(100);
    await renew();
    const { problem, nextRotationAt } = statusOf();
    assert.match(
      problem?.message ?? '',
      /cannot create a key: it lacks the role iam\.serviceAccounts\.keyAdmin/,
    );
    const nowMs = fixture.base.clock.now().wallMs;
    assert.equal(Date.parse(nextRotationAt ?? ''), nowMs + dayMs);
    assert.equal(countCreated(), 1);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      running = await restartDaemon();
      await renew();
    }
    assert.equal(countCreated(), 1);
    fixture.emulator.keys.grant(account, account);
    running = await restartDaemon(dayMs);
    await renew();
    assert.deepEqual(fixture.listKeyIds(), [liveKey()?.id]);
    assert.equal(statusOf().problem, undefined);
  });

  /** @param laterMs time that passes while no daemon runs */
  async function restartDaemon(laterMs = 0): Promise<RunningProfiles> {
    await running.profiles.stop();
    fixture.base.clock.advance(laterMs);
    return fixture.startLoaded();
  }

  it('waits while the credential is in trouble', async () => {
    await logInWithKeyOfAge(100);
    fixture.emulator.setFault({ kind: 'unavailable' });
    await assert.rejects(fixture.hasWorkingKey(running));
    await running.profiles.keys.whenIdle();
    assert.equal(countCreated(), 0);
    fixture.emulator.setFault(null);
    await renew();
    assert.equal(countCreated(), 1);
  });

  it('waits with the memory store, without an attempt, and says why', async () => {
    await logInWithKeyOfAge(100);
    fixture.base.store.kind = 'memory';
    running = await restartDaemon();
    await renew();
    assert.match(statusOf().problem?.message ?? '', /memory store/);
    assert.equal(liveKey()?.attemptedAtMs, undefined);
    assert.equal(countCreated(), 0);
  });

  it('waits with a keychain that asks before each change, and says why', async () => {
    await logInWithKeyOfAge(100);
    fixture.base.store.confirmation = { code: 'keychain_locked', message: 'KeePassXC may ask you' };
    await renew();
    assert.match(statusOf().problem?.message ?? '', /KeePassXC may ask you/);
    fixture.base.store.confirmation = null;
    await renew();
    assert.equal(countCreated(), 1);
    assert.equal(statusOf().problem, undefined);
  });

  it('asks IAM for the age of a key that the file does not tell', async () => {
    fixture.emulator.allowKey(key, { createdAtMs: fixture.base.clock.now().wallMs - 50 * dayMs });
    await fixture.login(running, undefined, formatKeyFile(key, { created_at: undefined }));
    assert.equal(statusOf().createdAt, undefined);
    await renew();
    assert.equal(statusOf().createdAt, new Date(fixture.base.clock.now().wallMs - 50 * dayMs).toISOString());
    assert.equal(countCreated(), 0);
    running = await restartDaemon(42 * dayMs);
    await renew();
    assert.equal(countCreated(), 1);
  });

  it('records the key of a login of an earlier release', async () => {
    await logInWithKeyOfAge(1);
    await running.registry.update((before) => {
      const { key: _, ...entry } = before.profiles['default'] ?? assert.fail('no profile');
      return { ...before, profiles: { default: entry } };
    });
    running = await restartDaemon();
    await waitUntil(() => liveKey() !== undefined, 'the key is recorded');
    assert.equal(statusOf().id, key.id);
  });

  it('replaces one key in the configuration of several daemons that have keys of their own', async () => {
    await logInWithKeyOfAge(100);
    const other = { id: 'ajekothermachine', serviceAccountId: account, publicKey: key.publicKey };
    fixture.emulator.allowKey(other, { createdAtMs: 0 });
    await renew();
    assert.deepEqual(fixture.listKeyIds(), [other.id, liveKey()?.id]);
  });

  it('keeps its daily limit if IAM dates each new key wrongly', async () => {
    await logInWithKeyOfAge(100);
    fixture.emulator.keys.createdAtOffsetMs = -200 * dayMs;
    await renew();
    await renew();
    assert.equal(countCreated(), 1);
    running = await restartDaemon(dayMs + 1);
    await renew();
    assert.equal(countCreated(), 2);
  });
});
