import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { account, dayMs, key, KeyFixture, ProcessSteps } from '../../support/daemon/key-fixture.ts';
import { createSeededRandom } from '../../simulation/seeded-random.ts';
import { requestToken, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

const hourMs = 3_600_000;
const hours = 365 * 24;
/** Of the renewals by schedule; a token is valid for 12 hours. */
const renewalIntervalMs = 3 * hourMs;
/** From the creation of a key to the deletion of the one that it replaces. */
const maxStepsToKill = 16;

describe('a simulated year of keys that replace themselves', function () {
  this.timeout(10 * 60_000);
  const folder = useTemporaryFolder();
  let fixture: KeyFixture;
  let running: RunningProfiles;
  let steps: ProcessSteps;
  let killedCount: number;

  beforeEach(async () => {
    fixture = await KeyFixture.start(folder());
    fixture.rotateAfterMs = 90 * dayMs;
    killedCount = 0;
  });
  afterEach(() => fixture.stop());

  async function start(): Promise<void> {
    const getNextScheduledMs = (_profile: string, afterMs: number): number => afterMs + renewalIntervalMs;
    steps = new ProcessSteps();
    running = await fixture.startDaemon(steps, { getNextScheduledMs });
    await running.profiles.load();
  }

  /** Until the exchange that the last hour has started is over, and what follows it; a daemon that died is started again. */
  async function settle(): Promise<void> {
    const isSettled = (): boolean => running.profiles.get().state.phase.kind !== 'exchanging';
    await waitUntil(() => steps.isDead || isSettled(), 'the exchange ends');
    let isIdle = false;
    void running.profiles.keys.whenIdle().then(() => (isIdle = true));
    await nextTurn();
    await waitUntil(() => steps.isDead || isIdle, 'the rotation ends');
    if (!steps.isDead) return;
    killedCount += 1;
    await start();
    await settle();
  }

  async function advance(byMs: number): Promise<void> {
    fixture.base.clock.advance(byMs);
    await settle();
  }

  /** Of five attempts to create a key, one lacks the role, and three are killed, up to `maxStepsToKill` steps later. */
  function disturbRotations(random: () => number, withdrawRole: () => void): void {
    let attemptCount = 0;
    fixture.beforeSend = ({ method, url }) => {
      if (method !== 'POST' || new URL(url).pathname !== '/iam/v1/keys') return;
      attemptCount += 1;
      if (attemptCount % 5 === 1) withdrawRole();
      else if (attemptCount % 5 !== 0) steps.dieAfter(Math.ceil(random() * maxStepsToKill));
    };
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
    let hour = 0;
    const withdrawRole = (mayCreate: boolean): void => {
      roleUntil = hour + 24 * (1 + Math.floor(random() * 5));
      const permissions = [[], ['list'], ['list', 'delete'], ['create', 'list']] as const;
      const index = Math.floor(random() * (mayCreate ? 4 : 3));
      fixture.emulator.keys.grant(account, account, permissions[index]);
    };
    disturbRotations(random, () => withdrawRole(false));
    const liveIds = new Set<string>();
    for (hour = 1; hour <= hours; hour += 1) {
      if (hour >= outageUntil) fixture.emulator.setFault(null);
      if (hour >= outageUntil + 24 && random() < 0.02) {
        outageUntil = hour + 1 + Math.floor(random() * 7);
        fixture.emulator.setFault({ kind: 'unavailable' });
      }
      if (hour === roleUntil) fixture.emulator.keys.grant(account, account);
      if (hour > roleUntil && random() < 0.005) withdrawRole(true);
      if (random() < 0.005) {
        await running.profiles.stop();
        await start();
      }
      await advance(hourMs);
      const token = await requestToken(running.profiles.get());
      assert.equal(fixture.emulator.subjectOfValidToken(token), account, `hour ${hour}`);
      liveIds.add(running.current().profiles['default']?.key?.id ?? '');
      for (const id of foreignIds) assert.ok(fixture.emulator.keys.has(id), `hour ${hour}: ${id}`);
    }
    fixture.beforeSend = () => undefined;
    fixture.emulator.setFault(null);
    fixture.emulator.keys.grant(account, account);
    await advance(renewalIntervalMs);
    await waitUntil(() => running.current().obsoleteKeys === undefined, 'the replaced keys are deleted');
    const liveId = running.current().profiles['default']?.key?.id ?? '';
    assert.deepEqual(fixture.listKeyIds(), [...foreignIds, liveId]);
    const failedCount = fixture.base.log.lines.filter((line) => /^warn rotation: .* lacks/.test(line)).length;
    const counts = JSON.stringify({ keyCount: liveIds.size, failedCount, killedCount });
    assert.ok(liveIds.size >= 4 && failedCount >= 2 && killedCount >= 5, counts);
  });
});
