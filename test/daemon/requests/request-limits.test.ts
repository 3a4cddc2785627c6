import assert from 'node:assert/strict';
import { limitedUserOf } from '../../../src/daemon/requests/request-limits.ts';
import type { PeerAccess } from '../../../src/protocol/peer.ts';
import { createFakePeer, type FakePeer } from '../../support/daemon/fake-peer.ts';
import { login } from '../../support/daemon/profiles-fixture.ts';
import { RequestFixture } from '../../support/daemon/request-fixture.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const unreachableMinTtlMs = 43_200_000;

describe('limits of requests that wait', () => {
  const folder = useTemporaryFolder();
  let requests: RequestFixture;

  beforeEach(async () => {
    requests = await RequestFixture.start(folder());
    await login(requests.running, 'a', 'work');
    requests.base.iam.respond = null;
    // The token has less than 12 hours left, and the minute between two such exchanges has passed.
    requests.base.clock.advance(61_000);
  });

  const connect = (access: PeerAccess): FakePeer => ({ ...createFakePeer(), ...access });

  /** 11 connections with 2,000 requests each. @returns the codes of those that were rejected */
  function flood(access: PeerAccess): readonly (string | undefined)[] {
    const peers = Array.from({ length: 11 }, () => connect(access));
    for (const peer of peers)
      for (let n = 0; n < 2_000; n += 1) requests.call('token', { minTtlMs: unreachableMinTtlMs }, peer);
    return peers.flatMap(({ sentMessages }) =>
      sentMessages.map((message) => ('error' in message ? message.error.code : undefined)),
    );
  }

  async function codeOf(peer: FakePeer, method: string, params: object = {}): Promise<string> {
    return (await requests.callAndWait(method, params, peer)).error?.code ?? 'ok';
  }

  const floods: Readonly<Record<string, PeerAccess>> = {
    'another user': { isOtherUser: true, uid: 1_001 },
    'a container of the owner': { isOtherUser: false, uid: 1_000, findContainer: () => 'a user namespace' },
    'the owner': { isOtherUser: false, uid: 1_000 },
  };
  for (const [title, access] of Object.entries(floods)) {
    it(`D4: refuse no command of the owner and root while 22,000 requests of ${title} wait`, async () => {
      const rejected = flood(access);
      assert.deepEqual(new Set(rejected), new Set(['too_busy']));
      for (const uid of [0, 1_000]) {
        const peer = connect({ isOtherUser: false, uid });
        for (const method of ['hello', 'status', 'profiles', 'subscribe', 'token'])
          assert.equal(await codeOf(peer, method), 'ok', method);
        assert.equal(await codeOf(peer, 'use', { profile: 'work' }), 'ok');
      }
      const root = connect({ isOtherUser: false, uid: 0 });
      assert.equal(await codeOf(root, 'lock'), 'ok');
      assert.equal(await codeOf(root, 'unlock'), 'ok');
      requests.base.iam.respond = (exchange) => exchange.succeed();
      assert.equal(await codeOf(root, 'login', { kind: 'oauth', secret: 'b' }), 'ok');
      assert.equal(await codeOf(root, 'logout'), 'ok');
      assert.equal(await codeOf(root, 'stop'), 'ok');
    });
  }

  it('D4: are 2,000 for all connections of another user, and others have theirs', async () => {
    assert.equal(flood({ isOtherUser: true, uid: 1_001 }).length, 20_000);
    for (const access of [
      { isOtherUser: true, uid: 1_002 },
      { isOtherUser: false, uid: 1_000 },
    ]) {
      const peer = connect(access);
      const id = requests.call('token', { minTtlMs: unreachableMinTtlMs }, peer);
      assert.ok(!peer.hasResponse(id), 'it waits');
    }
  });

  it('D4: are not needed for a request that is answered at once, with a token or with an error', async () => {
    flood({ isOtherUser: true, uid: 1_001 });
    const peer = connect({ isOtherUser: true, uid: 1_001 });
    assert.equal(await codeOf(peer, 'token'), 'ok');
    assert.equal(await codeOf(peer, 'token', { minTtlMs: unreachableMinTtlMs }), 'too_busy');
    assert.equal(await codeOf(peer, 'token', { profile: 'missing' }), 'unknown_profile');
    requests.base.iam.exchanges.at(-1)?.fail({ kind: 'transient', message: 'it is down' });
    await new Promise((resolve) => setImmediate(resolve));
    flood({ isOtherUser: true, uid: 1_001 });
    assert.equal(await codeOf(peer, 'token', { minTtlMs: unreachableMinTtlMs }), 'unavailable');
  });

  it('D4: are shared by all containers of a uid, and not by its other programs', async () => {
    const connectFrom = (container: string | null): FakePeer =>
      connect({ isOtherUser: false, uid: 1_000, findContainer: () => container });
    const first = connectFrom('sh, process 7; another user namespace');
    for (let n = 0; n < 2_000; n += 1) requests.call('token', { minTtlMs: unreachableMinTtlMs }, first);
    const second = connectFrom('sh, process 8; another user namespace');
    assert.equal(await codeOf(second, 'token', { minTtlMs: unreachableMinTtlMs }), 'too_busy');
    const onHost = connectFrom(null);
    const id = requests.call('token', { minTtlMs: unreachableMinTtlMs }, onHost);
    assert.ok(!onHost.hasResponse(id), 'it waits');
  });

  it('D3: are of one user for exchanges of all its containers, and of another user wherever it is', () => {
    const userOf = (isOtherUser: boolean, container: string | null): string | null =>
      limitedUserOf(connect({ isOtherUser, uid: 1_000, findContainer: () => container }));
    assert.equal(userOf(false, 'sh, process 7'), userOf(false, 'sh, process 8'));
    assert.equal(userOf(true, 'sh, process 7'), userOf(true, null));
    assert.notEqual(userOf(true, null), userOf(false, 'sh, process 7'));
    assert.equal(userOf(false, null), null);
  });

  it('D4: are free again once their requests have ended', async () => {
    const access = { isOtherUser: true, uid: 1_001 };
    const peers = [connect(access), connect(access)];
    for (let n = 0; n < 2_000; n += 1)
      requests.call('token', { minTtlMs: unreachableMinTtlMs }, peers[n % 2]);
    const third = connect(access);
    assert.equal(await codeOf(third, 'token', { minTtlMs: unreachableMinTtlMs }), 'too_busy');
    peers[0]?.disconnect();
    const id = requests.call('token', { minTtlMs: unreachableMinTtlMs }, third);
    assert.ok(!third.hasResponse(id), 'it waits');
  });
});
