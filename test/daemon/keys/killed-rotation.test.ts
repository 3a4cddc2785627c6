import assert from 'node:assert/strict';
import { key, dayMs, KeyFixture, ProcessSteps } from '../../support/daemon/key-fixture.ts';
import { refreshToken, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** More than a rotation takes. */
const maxSteps = 200;

describe('a daemon that is killed at each step of a rotation', function () {
  this.timeout(120_000);
  const folder = useTemporaryFolder();
  let fixture: KeyFixture;

  beforeEach(async () => {
    fixture = await KeyFixture.start(folder());
  });
  afterEach(() => fixture.stop());

  /** After the next start: a key works, IAM has exactly one of ours, and the store one slot. */
  async function assertConsistent(context: string): Promise<string> {
    const running = await fixture.startLoaded();
    const isClean = (): boolean =>
      running.current().obsoleteKeys === undefined && running.current().discarded.length === 0;
    await waitUntil(isClean, `the leftovers are removed, ${context}`);
    assert.equal(await fixture.hasWorkingKey(running), true, context);
    const entry = running.current().profiles['default'];
    assert.deepEqual(fixture.listKeyIds(), [entry?.key?.id], context);
    assert.deepEqual(fixture.listSlots(), [entry?.slot], context);
    await running.profiles.stop();
    return entry?.key?.id ?? '';
  }

  /** @returns how many rotations were complete, and how many were killed before the commit */
  async function killAtEachStep(
    rotateAfterMs: number | null,
    startRotation: (running: RunningProfiles, steps: ProcessSteps) => Promise<unknown>,
  ): Promise<{ readonly replaced: number; readonly unchanged: number }> {
    const counts = { replaced: 0, unchanged: 0 };
    let liveId = key.id;
    for (let step = 1; step < maxSteps; step += 1) {
      // Each key is old enough, and each attempt the first of its day.
      fixture.base.clock.advance(92 * dayMs);
      fixture.rotateAfterMs = rotateAfterMs;
      const steps = new ProcessSteps();
      const running = await fixture.startLoaded(steps);
      steps.dieAfter(step);
      let isOver = false;
      void startRotation(running, steps).then(() => (isOver = true));
      await waitUntil(() => isOver || steps.isDead, `the rotation ends, or the daemon dies after ${step}`);
      const isComplete = isOver && !steps.isDead;
      steps.dieAfter(0);
      fixture.rotateAfterMs = null;
      const id = await assertConsistent(`killed after ${step} steps`);
      counts[id === liveId ? 'unchanged' : 'replaced'] += 1;
      liveId = id;
      if (isComplete) return counts;
    }
    return assert.fail(`a rotation takes more than ${maxSteps} steps`);
  }

  async function logIn(): Promise<void> {
    const first = await fixture.startLoaded();
    await fixture.login(first);
    await first.profiles.stop();
  }

  it('leaves one key that works, one key in IAM and one slot in the store', async () => {
    await logIn();
    const counts = await killAtEachStep(null, ({ profiles }) => profiles.keys.rotate(undefined, false));
    assert.ok(counts.unchanged > 10 && counts.replaced > 5, JSON.stringify(counts));
  });

  it('leaves the same after a rotation by age', async () => {
    await logIn();
    const counts = await killAtEachStep(90 * dayMs, async (running, steps) => {
      const { id } = running.current().profiles['default']?.key ?? {};
      await refreshToken(running.profiles.get());
      const getId = (): string | undefined => running.current().profiles['default']?.key?.id;
      const isReplaced = (): boolean => getId() !== id && running.current().obsoleteKeys === undefined;
      const isOver = (): boolean => steps.isDead || isReplaced();
      await waitUntil(isOver, 'the key is replaced', 60_000);
    });
    assert.ok(counts.unchanged > 10 && counts.replaced > 5, JSON.stringify(counts));
  });
});
