import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Profile } from '../../../src/daemon/profiles/profile.ts';
import { RenewalTurns } from '../../../src/daemon/profiles/renewal-turns.ts';
import { Secret } from '../../../src/shared/secret.ts';
import type { IamTokenSource } from '../../../src/token/token-source.ts';
import { createFakeLog } from '../../support/fake-log.ts';
import { createTestClock, type TestClock } from '../../support/time/test-clock.ts';
import { hour, minute, second } from '../../support/time/durations.ts';

const profileCount = 200;

describe('profiles that have to renew at once', () => {
  let clock: TestClock;
  let turns: RenewalTurns;
  let profiles: readonly Profile[];
  /** When each exchange started, since the last `reset`. */
  let starts: { readonly name: string; readonly atMs: number }[];
  let resetAtMs: number;

  beforeEach(() => {
    clock = createTestClock();
    turns = new RenewalTurns(clock);
    starts = [];
    resetAtMs = 0;
    profiles = Array.from({ length: profileCount }, (_, index) => createProfile(`profile-${index}`));
  });
  afterEach(() => profiles.forEach((profile) => profile.stop()));

  function createProfile(name: string): Profile {
    return new Profile({
      name,
      clock,
      log: createFakeLog(),
      formatHint: () => '',
      getNextScheduledMs: (_name, afterMs) => (Math.floor(afterMs / hour) + 1) * hour,
      announce: () => undefined,
      takeTurn: () => turns.take(),
    });
  }

  const createSource = (name: string): IamTokenSource => ({
    exchange: async () => {
      starts.push({ name, atMs: clock.now().monotonicMs - resetAtMs });
      const { wallMs } = clock.now();
      const issuedToken = { value: new Secret('t1.new'), expiresAtMs: wallMs + 12 * hour, subject: null };
      return { ok: true, issuedToken };
    },
  });

  function reset(): void {
    starts = [];
    resetAtMs = clock.now().monotonicMs;
  }

  async function passTime(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      clock.advance(100);
      await turn();
    }
  }

  /** All with a valid token. */
  async function loadAll(): Promise<void> {
    for (const profile of profiles) profile.setCredential(createSource(profile.name), null, turns.take());
    await passTime(minute);
    assert.equal(starts.length, profileCount);
  }

  const maxStartsIn = (windowMs: number): number =>
    Math.max(
      ...starts.map(({ atMs }) => starts.filter((o) => o.atMs >= atMs && o.atMs < atMs + windowMs).length),
    );

  it('E13: do so over a minute after sleep', async () => {
    await loadAll();
    reset();
    clock.jump(5 * hour);
    await passTime(minute);
    assert.equal(starts.length, profileCount);
    assert.ok(maxStartsIn(second) <= 5, `${maxStartsIn(second)} in a second`);
  });

  it('E13: do so over a minute after a start', async () => {
    await loadAll();
    assert.ok(maxStartsIn(second) <= 5, `${maxStartsIn(second)} in a second`);
  });

  it('E13: renew at once if they are asked for', async () => {
    await loadAll();
    reset();
    // The tokens have expired.
    clock.jump(13 * hour);
    const lastProfile = profiles.at(-1);
    assert.ok(lastProfile !== undefined);
    const token = lastProfile.requestToken(0, new AbortController().signal);
    await turn();
    assert.equal((await token).value.expose(), 't1.new');
    assert.deepEqual(starts.map(({ name }) => name).toSorted(), ['profile-0', lastProfile.name].toSorted());
  });

  it('wait for nothing if there is one of them', async () => {
    profiles[0]?.setCredential(createSource('profile-0'), null, turns.take());
    await turn();
    assert.equal(starts.length, 1);
  });
});
