import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { countArraySteps } from '../../support/count-array-steps.ts';
import { createFakePeer, type FakePeer } from '../../support/daemon/fake-peer.ts';
import { login, type ProfilesFixture, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { RequestFixture } from '../../support/daemon/request-fixture.ts';
import { terminalFailure } from '../../support/iam/fake-iam.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { waitUntil } from '../../support/wait-until.ts';

describe('requests that wait', () => {
  const folder = useTemporaryFolder();
  let requests: RequestFixture;
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  let peer: FakePeer;

  beforeEach(async () => {
    requests = await RequestFixture.start(folder());
    ({ base: fixture, running, peer } = requests);
  });

  it('get the same token from one exchange', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = null;
    fixture.clock.advance(12 * 60 * 60_000 - 60_000);
    await turn();
    const others = Array.from({ length: 10 }, () => createFakePeer());
    const calls = Array.from({ length: 1_000 }, (_, i) => {
      const from = others[i % 10] ?? peer;
      return { from, id: requests.call('token', {}, from) };
    });
    const open = fixture.iam.exchanges.filter(({ signal }) => !signal.aborted).slice(1);
    assert.equal(open.length, 1);
    open[0]?.succeed();
    const tokens = await Promise.all(
      calls.map(async ({ from, id }) => (await from.waitForResponse(id)).result?.['token']),
    );
    assert.deepEqual(new Set(tokens), new Set(['t1.a.2']));
    assert.equal(fixture.iam.exchanges.length, 2);
    assert.ok(
      others.every(({ closeListeners }) => closeListeners === 0),
      'nothing is left of the answered requests',
    );
  });

  it('are cancelled when their peer closes, and those of others are answered', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = null;
    const leavingPeer = createFakePeer();
    requests.call('refresh', {}, leavingPeer);
    requests.call('refresh', {}, leavingPeer);
    const remainingId = requests.call('refresh');
    leavingPeer.disconnect();
    await turn();
    assert.equal(running.profiles.get().state.waitingRequests.length, 1);
    fixture.iam.exchanges[1]?.succeed();
    assert.equal((await peer.waitForResponse(remainingId)).result?.['profile'], 'work');
    assert.deepEqual(leavingPeer.sentMessages, []);
  });

  for (const end of ['answered', 'dropped'] as const) {
    it(`17-6: are queued and ${end} in a number of steps proportional to their number`, async () => {
      await login(running, 'a', 'work');
      fixture.iam.respond = null;
      const stepsFor = (count: number): Promise<number> =>
        countArraySteps(async () => {
          const peers = Array.from({ length: count }, () => createFakePeer());
          for (const each of peers) requests.call('refresh', {}, each);
          if (end === 'answered') fixture.iam.exchanges.at(-1)?.succeed();
          for (const each of peers) {
            if (end === 'dropped') each.disconnect();
            await Promise.resolve();
          }
          await waitUntil(() => running.profiles.get().state.waitingRequests.length === 0, 'none waits');
        });
      const [few, many] = [await stepsFor(200), await stepsFor(2_000)];
      // A copy of the list for each would take 100 times as many; the tree is at most half as high again.
      assert.ok(many < 20 * few, `${few} and ${many} steps`);
    });
  }

  it('17-6: are dropped in turns with the requests of others', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = null;
    const leavingPeers = Array.from({ length: 5 }, () => createFakePeer());
    for (const leavingPeer of leavingPeers)
      for (let i = 0; i < 1_000; i++) requests.call('refresh', {}, leavingPeer);
    const waitingCount = (): number => running.profiles.get().state.waitingRequests.length;
    for (const leavingPeer of leavingPeers) leavingPeer.disconnect();
    await turn();
    assert.ok(waitingCount() > 4_000, `${waitingCount()} wait after a turn`);
    assert.equal(await requests.captureCode('token'), 'ok');
    await waitUntil(() => waitingCount() === 0, 'all were dropped');
  });

  it('are limited for each peer', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = null;
    for (let i = 0; i < 2_000; i++) requests.call('refresh');
    const { error } = await requests.callAndWait('refresh');
    assert.deepEqual(error, {
      code: 'too_busy',
      message: 'too many requests are waiting',
      retryAfterMs: 1_000,
    });
    assert.equal(await requests.captureCode('token'), 'ok', 'a token is in hand');
    const other = createFakePeer();
    const id = requests.call('refresh', {}, other);
    fixture.iam.exchanges[1]?.succeed();
    assert.equal((await other.waitForResponse(id)).result?.['profile'], 'work');
    fixture.iam.respond = (exchange) => exchange.succeed();
    assert.equal(await requests.captureCode('refresh'), 'ok');
  });

  it('are limited in total', async () => {
    await login(running, 'a', 'work');
    const profileNames = Array.from({ length: 10 }, (_, at) => `home${at}`);
    for (const home of profileNames) await login(running, 'b', home);
    fixture.iam.respond = null;
    const peers = profileNames.map(() => createFakePeer());
    for (let i = 0; i < 20_000; i++)
      requests.call('refresh', { profile: profileNames[i % 10] }, peers[i % 10]);
    assert.equal(await requests.captureCode('refresh', { profile: 'work' }), 'too_busy');
    assert.equal(await requests.captureCode('token', { profile: 'work' }), 'ok', 'a token is in hand');
    assert.equal(await requests.captureCode('hello'), 'ok');
    peers[0]?.disconnect();
    fixture.iam.respond = (exchange) => exchange.succeed();
    assert.equal(await requests.captureCode('refresh', { profile: 'work' }), 'ok');
  });

  it('leave nothing behind once they are answered or rejected', async () => {
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    for (let i = 0; i < 20; i++) {
      await requests.captureCode('login', { kind: 'oauth', secret: 'a' });
      await requests.captureCode('status');
      await requests.captureCode('use', { profile: 'missing' });
    }
    assert.equal(peer.closeListeners, 0);
  });

  it('cancel a login when the peer closes, and keep the old credential', async () => {
    await login(running, 'old', 'work');
    fixture.iam.respond = null;
    requests.call('login', { kind: 'oauth', secret: 'new' });
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    peer.disconnect();
    assert.equal(fixture.iam.exchanges[1]?.signal.aborted, true);
    await waitUntil(() => running.current().discarded.length === 0, 'the pending slot is removed');
    fixture.iam.respond = (exchange) => exchange.succeed();
    const other = createFakePeer();
    assert.equal((await requests.callAndWait('token', {}, other)).result?.['token'], 't1.old.1');
    assert.deepEqual(peer.sentMessages, []);
    assert.equal(fixture.store.listKeys().length, 2);
  });

  it('cancel a login after 120 s', async () => {
    fixture.iam.respond = null;
    const id = requests.call('login', { kind: 'oauth', secret: 'a' });
    await waitUntil(() => fixture.iam.exchanges.length === 1, 'the login is being verified');
    fixture.clock.advance(119_999);
    await turn();
    assert.ok(!peer.hasResponse(id));
    fixture.clock.advance(1);
    assert.equal((await peer.waitForResponse(id)).error?.code, 'unavailable');
  });

  it('are answered when the daemon stops', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = null;
    requests.getDaemonStatus = () => new Promise(() => undefined);
    fixture.store.holdCalls(({ operation }) => operation === 'remove');
    const calls = [
      requests.call('token', { minTtlMs: 43_200_000 }),
      requests.call('refresh'),
      requests.call('login', { kind: 'oauth', secret: 'b', profile: 'home' }),
      requests.call('status'),
      requests.call('logout', { profile: 'work' }),
    ];
    await waitUntil(
      () => fixture.store.calls.some(({ operation }) => operation === 'remove'),
      'the logout removes',
    );
    const open = calls.filter((id) => !peer.hasResponse(id));
    assert.ok(open.length >= 3);
    const stopped = running.profiles.stop();
    requests.handler.stop();
    for (const id of open) {
      assert.ok(peer.hasResponse(id), `request ${id}`);
      const { error } = await peer.waitForResponse(id);
      assert.deepEqual([error?.code, error?.message], ['unavailable', 'the daemon is stopping']);
    }
    await stopped;
    assert.equal(peer.closeListeners, 0);
  });

  it('are answered once if they end after the stop', async () => {
    await login(running, 'a', 'work');
    fixture.iam.respond = null;
    const id = requests.call('login', { kind: 'oauth', secret: 'b' });
    await waitUntil(() => fixture.iam.exchanges.length === 2, 'the login is being verified');
    await running.profiles.stop();
    requests.handler.stop();
    fixture.iam.exchanges[1]?.succeed();
    for (let i = 0; i < 20; i++) await turn();
    assert.equal(peer.sentMessages.filter((message) => 'id' in message && message.id === id).length, 1);
  });
});
