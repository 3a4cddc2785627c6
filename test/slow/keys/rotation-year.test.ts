import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { account, dayMs, key, KeyFixture } from '../../support/daemon/key-fixture.ts';
import { createSeededRandom } from '../../simulation/seeded-random.ts';
import { requestToken, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

const hourMs = 3_600_000;
const hours = 365 * 24;
/** Of the renewals by schedule; a token is valid for 12 hours. */
const renewalIntervalMs = 3 * hourMs;

describe('a simulated year of keys that replace themselves', function () {
  this.timeout(10 * 60_000);
  const folder = useTemporaryFolder();
  let fixture: KeyFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    fixture = await KeyFixture.start(folder());
    fixture.rotateAfterMs = 90 * dayMs;
  });
  afterEach(() => fixture.stop());

  const start = async (): Promise<void> => {
    const getNextScheduledMs = (_profile: string, afterMs: number): number => afterMs + renewalIntervalMs;
    running = await fixture.startDaemon(undefined, { getNextScheduledMs });
    await running.profiles.load();
  };

  /** Until the exchange that the last hour has started is over, and what follows it. */
  async function settle(): Promise<void> {
    const isSettled = (): boolean => running.profiles.get().state.phase.kind !== 'exchanging';
    await waitUntil(isSettled, 'the exchange ends');
    await running.profiles.keys.whenIdle();
    await nextTurn();
  }

  async function advance(byMs: number): Promise<void> {
    fixture.base.clock.advance(byMs);
    await settle();
  }

  it('has no hour without a valid token, and deletes no key of others', async () => {
    const random = createSeededRandom(18);
    const foreignIds = ['ajekforeign1', 'ajekforeign2'];
    for (const id of foreignIds) {
      const description = `iam-tokend rotation ${'0'.repeat(32)}`;
      fixture.emulator.allowKey({ id, serviceAccountId: account, publicKey: key.publicKey }, { description });
    }
    await start();
    await fixture.login(running);
    let outageUntil = 0;
    let roleUntil = 0;
    for (let hour = 1; hour <= hours; hour += 1) {
      if (hour >= outageUntil) fixture.emulator.setFault(null);
      if (hour >= outageUntil + 24 && random() < 0.02) {
        outageUntil = hour + 1 + Math.floor(random() * 7);
        fixture.emulator.setFault({ kind: 'unavailable' });
      }
      if (hour === roleUntil) fixture.emulator.keys.grant(account, account);
      if (hour > roleUntil && random() < 0.005) {
        roleUntil = hour + 24 * (1 + Math.floor(random() * 5));
        const permissions = [[], ['list'], ['create', 'list']] as const;
        fixture.emulator.keys.grant(account, account, permissions[Math.floor(random() * 3)]);
      }
      if (random() < 0.005) {
        await running.profiles.stop();
        await start();
      }
      await advance(hourMs);
      const token = await requestToken(running.profiles.get());
      assert.equal(fixture.emulator.subjectOfValidToken(token), account, `hour ${hour}`);
      for (const id of foreignIds) assert.ok(fixture.emulator.keys.has(id), `hour ${hour}: ${id}`);
    }
    fixture.emulator.setFault(null);
    fixture.emulator.keys.grant(account, account);
    await advance(renewalIntervalMs);
    await waitUntil(() => running.current().obsoleteKeys === undefined, 'the replaced keys are deleted');
    const liveId = running.current().profiles['default']?.key?.id ?? '';
    assert.deepEqual(fixture.listKeyIds(), [...foreignIds, liveId]);
    const replacedCount = fixture.base.log.lines.filter((line) => line === 'info replaced the key').length;
    assert.ok(replacedCount >= 3, `${replacedCount} rotations`);
  });
});
