import assert from 'node:assert/strict';
import { account, key, KeyFixture } from '../../support/daemon/key-fixture.ts';
import { refreshToken, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

/** A JWT is valid for ten minutes. */
const sleptMs = 10 * 60_000;

describe('a machine that sleeps after it has signed a JWT, before it sends it', () => {
  const folder = useTemporaryFolder();
  let fixture: KeyFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = await KeyFixture.start(folder());
    running = await fixture.startLoaded();
  });
  afterEach(() => fixture.stop());

  function sleepOnce(): void {
    fixture.beforeSend = () => {
      fixture.beforeSend = () => undefined;
      fixture.base.clock.jump(sleptMs);
    };
  }
  const countRejected = (): number =>
    fixture.emulator.listRequests().filter(({ status }) => status === 401).length;

  it('renews the token with another JWT', async () => {
    await fixture.login(running);
    sleepOnce();
    assert.equal(fixture.emulator.subjectOfValidToken(await refreshToken(running.profiles.get())), account);
    assert.equal(countRejected(), 1);
    const { phase, failureStreak, clockEstimate } = running.profiles.get().state;
    assert.deepEqual([phase.kind, failureStreak, clockEstimate.offsetMs], ['idle', null, 0]);
  });

  it('logs in with another JWT', async () => {
    sleepOnce();
    const { state } = await fixture.login(running);
    assert.equal(countRejected(), 1);
    assert.deepEqual([state.phase.kind, state.clockEstimate.offsetMs], ['idle', 0]);
  });

  it('replaces the key with another JWT', async () => {
    await fixture.login(running);
    sleepOnce();
    const { replacedKeyId, problem } = await running.profiles.keys.rotate(undefined, false);
    assert.deepEqual([replacedKeyId, problem, countRejected()], [key.id, null, 1]);
    assert.equal(await fixture.hasWorkingKey(running), true);
  });
});
