import assert from 'node:assert/strict';
import { createFakePeer, type FakePeer } from '../../support/daemon/fake-peer.ts';
import { login, type ProfilesFixture, type RunningProfiles } from '../../support/daemon/profiles-fixture.ts';
import { RequestFixture } from '../../support/daemon/request-fixture.ts';
import { terminalFailure, transientFailure } from '../../support/iam/fake-iam.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('subscriptions', () => {
  const folder = useTemporaryFolder();
  let requests: RequestFixture;
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  let peer: FakePeer;

  beforeEach(async () => {
    requests = await RequestFixture.start(folder());
    ({ base: fixture, running, peer } = requests);
  });

  it('send the events of one profile or of all, once to each peer', async () => {
    await login(running, 'a', 'work');
    await login(running, 'b', 'home');
    const one = createFakePeer();
    const all = createFakePeer();
    const both = createFakePeer();
    await requests.callAndWait('subscribe', { profile: 'work' }, one);
    await requests.callAndWait('subscribe', {}, all);
    await requests.callAndWait('subscribe', { profile: 'work' }, both);
    await requests.callAndWait('subscribe', {}, both);
    fixture.clock.advance(1_000);
    await requests.callAndWait('refresh', { profile: 'home' });
    await requests.callAndWait('refresh', { profile: 'work' });
    fixture.iam.respond = (exchange) => exchange.fail(transientFailure);
    await requests.callAndWait('refresh', { profile: 'work' });
    fixture.iam.respond = (exchange) => exchange.fail(terminalFailure);
    await requests.callAndWait('refresh', { profile: 'work' });
    const work = ['rotated work', 'failing work', 'login_required work'];
    assert.deepEqual(one.listEvents(), work);
    assert.deepEqual(all.listEvents(), ['rotated home', ...work]);
    assert.deepEqual(both.listEvents(), ['rotated home', ...work]);
    assert.deepEqual(peer.listEvents(), [], 'no event without a subscription');
  });

  it('send the event of a lock before its response', async () => {
    await login(running, 'a', 'work');
    await requests.callAndWait('subscribe');
    const locked = requests.call('lock');
    assert.deepEqual(peer.listEvents(), ['locked work']);
    assert.equal(peer.hasResponse(locked), false);
    await peer.waitForResponse(locked);
  });

  it('end when the peer closes', async () => {
    await login(running, 'a', 'work');
    const leavingPeer = createFakePeer();
    await requests.callAndWait('subscribe', {}, leavingPeer);
    leavingPeer.disconnect();
    fixture.clock.advance(1_000);
    await requests.callAndWait('refresh');
    assert.deepEqual(leavingPeer.listEvents(), []);
  });
});
