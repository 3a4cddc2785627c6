import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { ProfilePool } from '../../../src/daemon/derived/profile-pool.ts';
import type { Profile } from '../../../src/daemon/profiles/profile.ts';
import type { HttpClient } from '../../../src/shared/http-client.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import type { Secret } from '../../../src/shared/secret.ts';
import { budgetWaitMs } from '../../../src/token/budget.ts';
import type { IamTokenSource } from '../../../src/token/token-source.ts';
import {
  createProfilesFixture,
  login,
  type ProfilesFixture,
  requestToken,
  type RunningProfiles,
  startProfiles,
} from '../../support/daemon/profiles-fixture.ts';
import { createSourceTools } from '../../support/iam/source-tools.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { hour, minute, second } from '../../support/time/durations.ts';

describe('the budget of derived profiles', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  let base: Profile;
  let callCount: number;

  const http: HttpClient = {
    async send() {
      callCount += 1;
      const expiresAt = new Date(fixture.clock.now().wallMs + 12 * hour).toISOString();
      const body = JSON.stringify({ iamToken: `t1.derived.${callCount}`, expiresAt });
      return { status: 200, headers: new Map(), body };
    },
  };

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    callCount = 0;
    running = await startProfiles(fixture, { tools: createSourceTools({ http, clock: fixture.clock }) });
    base = await login(running, 'a');
  });

  /** @returns `null` after a success */
  async function findProblem(account: string, user: string | null): Promise<IamTokenError | null> {
    try {
      await requestToken(running.profiles.getImpersonated(undefined, account, user));
      return null;
    } catch (error) {
      assert.ok(error instanceof IamTokenError);
      return error;
    }
  }

  it('D3: allows 30 exchanges an hour for a profile, however many accounts are requested', async () => {
    for (let n = 0; n < 3_000; n += 1) {
      const problem = await findProblem(`aje${n}`, null);
      assert.equal(problem?.code, n < 30 ? undefined : 'unavailable');
    }
    assert.equal(callCount, 30);
    const problem = await findProblem('aje3000', null);
    assert.match(problem?.message ?? '', /hourly limit/);
    assert.equal(problem?.retryAfterMs, hour);
    assert.equal(await findProblem('aje0', null), null, 'its token is valid');
    assert.equal(callCount, 30);
  });

  it('D3: allows another user 15 of them over all accounts, and leaves the others theirs', async () => {
    for (let n = 0; n < 100; n += 1) await findProblem(`aje${n}`, '1001');
    assert.equal(callCount, 15);
    for (let n = 200; n < 300; n += 1) await findProblem(`aje${n}`, '1002');
    assert.equal(callCount, 30);
    assert.equal(await findProblem('aje0', '1002'), null, 'a token that another user requested first');
  });

  it('D3: counts a user over all profiles', async () => {
    await login(running, 'b', 'home');
    for (let n = 0; n < 20; n += 1) {
      await findProblem(`aje${n}`, '1001');
      const request = async (): Promise<string> =>
        requestToken(running.profiles.getImpersonated('home', `aje${n}`, '1001'));
      await request().catch(() => undefined);
    }
    assert.equal(callCount, 15);
  });

  it('D3: counts them in the budget of the profile, and leaves its renewals their part', async () => {
    for (let n = 0; n < 100; n += 1) await findProblem(`aje${n}`, null);
    const { monotonicMs } = fixture.clock.now();
    assert.equal(budgetWaitMs(base.state.attempts, 'request', monotonicMs), hour);
    assert.equal(budgetWaitMs(base.state.attempts, 'renewal', monotonicMs), 0);
    assert.ok(base.state.attempts.every(({ isDerived, isSuccess }) => isDerived === true || isSuccess));
  });

  it('D3: allows at most 30 in each hour of a day, renewals included', async () => {
    let account = 0;
    const callsAtMinute: number[] = [];
    for (let passed = 0; passed < 24 * hour; passed += minute) {
      for (let n = 0; n < 3; n += 1) await findProblem(`aje${(account += 1)}`, null);
      for (let n = 0; n < 60; n += 1) fixture.clock.advance(second);
      for (let n = 0; n < 20; n += 1) await turn();
      callsAtMinute.push(callCount);
      const callsBefore = callsAtMinute.at(-60) ?? 0;
      assert.ok(callCount - callsBefore <= 30, `${callCount - callsBefore} within an hour`);
    }
    assert.ok(callCount > 24 * 25, `${callCount} in a day`);
  });
});

describe('ProfilePool', () => {
  const folder = useTemporaryFolder();
  let base: Profile;
  let pool: ProfilePool<Secret>;
  const source: IamTokenSource = { exchange: () => new Promise(() => undefined) };

  beforeEach(async () => {
    const fixture = createProfilesFixture(folder());
    base = await login(await startProfiles(fixture), 'a');
    pool = new ProfilePool(
      { ...fixture, getNextScheduledMs: () => null, formatHint: () => '' },
      { findProblem: () => null, limit: (limited) => limited },
    );
  });

  const start = (label: string, user: string | null): Profile =>
    pool.getOrStart(base, label, user, () => source);

  it('D3: ends none that another user has requested, whatever a user requests', () => {
    const ofOther = start('other', '1001');
    const shared = start('shared', '1002');
    start('shared', '1001');
    for (let n = 0; n < 1_000; n += 1) start(`aje${n}`, '1002');
    assert.equal(start('other', '1001'), ofOther);
    assert.equal(start('shared', '1001'), shared);
    assert.ok(pool.list(base).length <= 66, `${pool.list(base).length}`);
  });

  it('D3: starts no more once all users together have 512', () => {
    for (let n = 0; n < 512; n += 1) start(`aje${n}`, `${n % 10}`);
    assert.throws(() => start('one more', '11'), { code: 'too_busy' });
    assert.ok(start('aje0', '11'), 'it runs already');
  });
});
