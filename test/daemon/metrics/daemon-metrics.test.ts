import assert from 'node:assert/strict';
import type { DaemonStatus, ProfileStatus } from '../../../src/protocol/method-types.ts';
import { createFakePeer } from '../../support/daemon/fake-peer.ts';
import { login, type ProfilesFixture, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { processMetrics, RequestFixture } from '../../support/daemon/request-fixture.ts';
import { terminalFailure, transientFailure } from '../../support/iam/fake-iam.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('the metrics of the status method', () => {
  const folder = useTemporaryFolder();
  let requests: RequestFixture;
  let fixture: ProfilesFixture;
  let running: RunningProfiles;

  beforeEach(async () => {
    requests = await RequestFixture.start(folder());
    ({ base: fixture, running } = requests);
  });

  async function readStatus(params: object): Promise<{ daemon: DaemonStatus; profiles: ProfileStatus[] }> {
    return (await requests.callAndWait('status', params)).result as unknown as ReturnType<typeof readStatus>;
  }
  const readDaemonMetrics = async (): Promise<NonNullable<DaemonStatus['metrics']>> =>
    (await readStatus({ metrics: true })).daemon.metrics ?? assert.fail();
  const readProfileMetrics = async (): Promise<NonNullable<ProfileStatus['metrics']>> =>
    (await readStatus({ metrics: true })).profiles[0]?.metrics ?? assert.fail();

  it('are absent unless they are requested', async () => {
    await login(running, 'a', 'work');
    for (const params of [{}, { metrics: false }]) {
      const { daemon, profiles } = await readStatus(params);
      assert.equal(daemon.metrics, undefined);
      assert.equal(profiles[0]?.metrics, undefined);
    }
  });

  it('19.3: count the responses by method and outcome', async () => {
    await requests.callAndWait('token');
    await login(running, 'a', 'work');
    for (let count = 0; count < 3; count += 1) await requests.callAndWait('token');
    await requests.callAndWait('token', { profile: 'other' });
    await requests.callAndWait('nonsense');
    await requests.callAndWait('token', { minTtlMs: -1 });
    const { requests: counts, connections, process } = await readDaemonMetrics();
    assert.deepEqual(counts, {
      token: { login_required: 1, success: 3, unknown_profile: 1 },
      invalid: { unknown_method: 1, bad_request: 1 },
    });
    assert.deepEqual([connections, process], [processMetrics.connections, processMetrics.process]);
  });

  it('19.3: count the requests that wait for a result', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = null;
    assert.equal((await readDaemonMetrics()).waitingRequests, 1, 'this one');
    const otherPeer = createFakePeer();
    requests.call('refresh');
    requests.call('refresh', {}, otherPeer);
    assert.equal((await readDaemonMetrics()).waitingRequests, 3);
    otherPeer.disconnect();
    assert.equal((await readDaemonMetrics()).waitingRequests, 2);
    fixture.iam.exchanges.at(-1)?.succeed();
  });

  it('19.3: count the exchanges of a profile by outcome, and name the last success', async () => {
    await login(running, 'a', 'work');
    const loginTime = new Date(fixture.clock.now().wallMs).toISOString();
    assert.deepEqual(await readProfileMetrics(), {
      exchanges: { success: 1, transient: 0, terminal: 0, interaction_required: 0 },
      lastSuccessAt: loginTime,
    });
    fixture.clock.advance(60_000);
    for (const failure of [
      transientFailure,
      { ...transientFailure, kind: 'interaction_required' } as const,
      terminalFailure,
    ]) {
      fixture.iam.respond = (exchange) => exchange.fail(failure);
      await requests.callAndWait('refresh');
    }
    const exchanges = { success: 1, transient: 1, terminal: 1, interaction_required: 1 };
    assert.deepEqual(await readProfileMetrics(), { exchanges, lastSuccessAt: loginTime });
    fixture.iam.respond = (exchange) => exchange.succeed();
    await requests.callAndWait('refresh');
    assert.deepEqual(await readProfileMetrics(), {
      exchanges: { ...exchanges, success: 2 },
      lastSuccessAt: new Date(fixture.clock.now().wallMs).toISOString(),
    });
  });

  it('keep a page within a frame, whatever was requested', async () => {
    for (let count = 0; count < 20; count += 1) await login(running, 'a', `${'ж'.repeat(60)}${count}`);
    fixture.iam.respond = (exchange) => exchange.fail({ ...transientFailure, message: 'a'.repeat(600) });
    for (const { profile } of (await readStatus({})).profiles)
      await requests.callAndWait('refresh', { profile });
    for (const method of ['token', 'refresh', 'use', 'logout'])
      await requests.callAndWait(method, { profile: 'unknown' });
    const page = await readStatus({ metrics: true });
    assert.equal(page.profiles.length, 20);
    assert.ok(Buffer.byteLength(JSON.stringify(page)) < 60_000, String(JSON.stringify(page).length));
  });
});
