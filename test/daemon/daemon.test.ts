import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createNodeIpcServer } from '../../src/adapters/node-ipc-server.ts';
import { createSystemClock } from '../../src/adapters/system-clock.ts';
import { type Daemon, type DaemonParts, startDaemon } from '../../src/daemon/daemon.ts';
import { Subscriptions } from '../../src/daemon/requests/subscriptions.ts';
import type { DaemonStatus, ProfileStatus } from '../../src/protocol/method-types.ts';
import type { Peer } from '../../src/protocol/peer.ts';
import { type PeerResponse, type FakePeer, createFakePeer } from '../support/daemon/fake-peer.ts';
import {
  login,
  type RunningProfiles,
  startProfiles,
  type ProfilesFixture,
  createProfilesFixture,
} from '../support/daemon/profiles-fixture.ts';
import { type RawPeer, connectRawPeer } from '../support/daemon/raw-peer.ts';
import { serverStates } from '../support/daemon/request-fixture.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('the daemon', () => {
  const folder = useTemporaryFolder();
  let fixture: ProfilesFixture;
  let running: RunningProfiles;
  /** The calls to its parts, in order. */
  let events: string[];
  /** Those to the service manager. */
  let notifications: string[];
  let peer: FakePeer;
  let onMessage: (data: unknown, peer: Peer) => void;

  beforeEach(async () => {
    fixture = createProfilesFixture(folder());
    running = await startProfiles(fixture);
    events = [];
    notifications = [];
    peer = createFakePeer();
  });

  function start(parts: Partial<DaemonParts> = {}): Promise<Daemon> {
    return startDaemon({
      clock: fixture.clock,
      version: '0.1.0',
      profiles: running.profiles,
      subscriptions: new Subscriptions(),
      hooks: { isWorking: () => false, stop: () => void events.push('hooks stopped') },
      supervision: {
        manager: { kind: 'systemd --user', unit: 'iam-tokend.service' },
        notifyReady: () => void notifications.push('ready'),
        notifyStopping: () => void notifications.push('stopping'),
      },
      log: { ...fixture.log, close: async () => void events.push('log closed') },
      store: {
        kind: 'memory',
        close: async () => void events.push('store closed'),
      },
      unsafeEnvironment: ['NODE_OPTIONS'],
      protectProcess: () => ({ peers: 'own uid', memory: 'closed' }),
      getContainerAccess: () => 'tokens',
      createListeners: async (handle) => {
        onMessage = handle;
        return [
          {
            listen: async () => void events.push('listening'),
            close: async () => void events.push(`closed after ${peer.sentMessages.length} answers`),
          },
        ];
      },
      ...serverStates,
      ...parts,
    });
  }

  function call(id: number, method: string, params: object = {}): Promise<PeerResponse> {
    onMessage({ v: 1, id, method, params }, peer);
    return peer.waitForResponse(id);
  }

  it('listens before the store has responded, and makes requests wait for it', async () => {
    await running.profiles.load();
    await login(running, 'a');
    await running.profiles.stop();
    const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
    running = await startProfiles(fixture);
    const daemon = await start();
    assert.deepEqual(events, ['listening']);
    const token = call(1, 'token');
    const { result = {} } = await call(2, 'status');
    assert.equal((result['profiles'] as readonly ProfileStatus[])[0]?.state, 'loading');
    release();
    assert.equal((await token).result?.['token'], 't1.a.1');
    await daemon.stop();
  });

  it('does not start if it cannot listen', async () => {
    const listen = (): Promise<void> => Promise.reject(new Error('EADDRINUSE'));
    await assert.rejects(
      start({ createListeners: async () => [{ listen, close: async () => undefined }] }),
      /EADDRINUSE/,
    );
    assert.equal(fixture.store.calls.length, 0);
  });

  it('answers status while its second listener starts', async () => {
    let status: Promise<PeerResponse> | undefined;
    const daemon = await start({
      createListeners: async (handle) => {
        onMessage = handle;
        const listen = async (): Promise<void> => void (status = call(1, 'status'));
        return [{ listen, close: async () => undefined }];
      },
    });
    assert.notEqual((await status)?.result, undefined);
    await daemon.stop();
  });

  it('has a status with its process and the state of the store', async () => {
    const daemon = await start();
    const expected: DaemonStatus = {
      version: '0.1.0',
      pid: process.pid,
      protection: { peers: 'own uid', memory: 'closed' },
      containers: 'tokens',
      startedAt: '2026-11-24T12:00:00.000Z',
      manager: { kind: 'systemd --user', unit: 'iam-tokend.service' },
      locked: false,
      unsafeEnvironment: ['NODE_OPTIONS'],
      store: { kind: 'memory', state: 'open', problem: null },
    };
    assert.deepEqual((await call(1, 'status')).result?.['daemon'], expected);
    fixture.store.failWith('keychain_locked');
    const { result = {} } = await call(2, 'status');
    assert.deepEqual((result['daemon'] as DaemonStatus).store, {
      kind: 'memory',
      state: 'closed',
      problem: { code: 'keychain_locked', message: 'the store fails' },
    });
    await daemon.stop();
  });

  it('is ready once it listens and has read the store, or found it locked', async () => {
    await running.profiles.load();
    await login(running, 'a');
    for (const end of ['read', 'locked'] as const) {
      notifications = [];
      running = await startProfiles(fixture);
      const release = fixture.store.holdCalls(({ operation }) => operation === 'read');
      const daemon = await start();
      assert.deepEqual(notifications, [], `the store is not ${end} yet`);
      if (end === 'locked') fixture.store.failWith('keychain_locked');
      release();
      await waitUntil(() => notifications.length > 0, 'it is ready');
      await daemon.stop();
      assert.deepEqual(notifications, ['ready', 'stopping']);
    }
  });

  it('is ready after 10 s even if the store hangs, but not once it stops', async () => {
    await running.profiles.load();
    await login(running, 'a');
    running = await startProfiles(fixture);
    fixture.store.holdCalls(() => true);
    const daemon = await start();
    fixture.clock.advance(10_000);
    await waitUntil(() => notifications.length > 0, 'it is ready');
    assert.deepEqual(notifications, ['ready']);
    const stopped = daemon.stop();
    fixture.clock.advance(1_000);
    await stopped;
    notifications = [];
    const another = await start();
    const anotherStopped = another.stop();
    fixture.clock.advance(10_000);
    await anotherStopped;
    assert.deepEqual(notifications, ['stopping']);
  });

  it('stops in order: ends hooks, answers pending requests, then closes peers, store and log', async () => {
    const daemon = await start();
    fixture.iam.respond = null;
    const waiting = call(1, 'login', { kind: 'oauth', secret: 'a' });
    await waitUntil(() => fixture.iam.exchanges.length === 1, 'the login is being verified');
    await daemon.stop();
    assert.equal(events.join(), 'listening,hooks stopped,closed after 1 answers,store closed,log closed');
    assert.equal((await waiting).error?.code, 'unavailable');
    await daemon.stopped;
  });

  it('stops once, even if it is stopped several times', async () => {
    const daemon = await start();
    await Promise.all([daemon.stop(), daemon.stop(), call(1, 'stop')]);
    await daemon.stop();
    assert.equal(events.filter((what) => what === 'log closed').length, 1);
  });

  it('stops at the request of a peer, after the response', async () => {
    const daemon = await start();
    assert.deepEqual(await call(1, 'stop'), { v: 1, id: 1, result: {} });
    await daemon.stopped;
    assert.equal(events[2], 'closed after 1 answers');
  });

  it('waits until the last token is stored', async () => {
    await running.profiles.load();
    const release = fixture.store.holdCalls(
      ({ operation, key }) => operation === 'write' && key.endsWith('.token'),
    );
    const daemon = await start();
    await call(1, 'login', { kind: 'oauth', secret: 'a' });
    const stopped = daemon.stop();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!events.includes('store closed'));
    release();
    await stopped;
    assert.ok(events.includes('store closed'));
    assert.equal(fixture.store.listKeys().length, 2);
  });

  for (const hanging of ['a peer', 'the store'] as const) {
    it(`waits at most 900 ms for ${hanging} that hangs`, async () => {
      const never = (): Promise<void> => new Promise(() => undefined);
      const daemon = await start({
        ...(hanging === 'a peer'
          ? { createListeners: async () => [{ listen: async () => undefined, close: never }] }
          : { store: { kind: 'memory', close: never } }),
      });
      let hasStopped = false;
      const stopped = daemon.stop().then(() => (hasStopped = true));
      fixture.clock.advance(899);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(hasStopped, false);
      fixture.clock.advance(1);
      await stopped;
      await daemon.stopped;
    });
  }

  describe('on a real socket', () => {
    let peers: RawPeer[] = [];

    afterEach(() => {
      for (const { socket } of peers) socket.destroy();
      peers = [];
    });

    it('answers all requests and stops within a second, even if no exchange ends', async () => {
      const clock = createSystemClock();
      let received = 0;
      const path = join(folder(), 'ipc.sock');
      await running.profiles.load();
      await login(running, 'a', 'work');
      await login(running, 'b', 'home');
      const daemon = await start({
        clock,
        createListeners: async (handle) => [
          await createNodeIpcServer({
            listenOn: { path },
            platform: process.platform,
            clock,
            onMessage: (data, from) => {
              received += 1;
              handle(data, from);
            },
            onError: (reason) => assert.fail(reason),
            onListenError: (reason) => assert.fail(reason),
          }),
        ],
      });
      fixture.iam.respond = null;
      fixture.iam.honorsAbort = false;
      const calls: (readonly [string, object])[] = [
        ['refresh', { profile: 'work' }],
        ['token', { profile: 'home', minTtlMs: 43_200_000 }],
        ['refresh', { profile: 'home' }],
        ['login', { kind: 'oauth', secret: 'c', profile: 'third' }],
      ];
      // A token that was just issued would satisfy the request for 12 hours.
      fixture.clock.advance(60_000);
      for (let i = 0; i < 100; i++) {
        const newPeer = await connectRawPeer(path);
        peers.push(newPeer);
        const [method, params] = calls[i % calls.length] ?? ['refresh', {}];
        newPeer.send({ v: 1, id: i, method, params });
      }
      await waitUntil(() => received === 100 && fixture.iam.exchanges.length >= 5, 'all requests wait');
      const startedMs = performance.now();
      const stopped = daemon.stop();
      const codes = await Promise.all(
        peers.map(async (each) => ((await each.nextData()) as PeerResponse).error?.code),
      );
      assert.deepEqual(new Set(codes), new Set(['unavailable']));
      await stopped;
      assert.ok(performance.now() - startedMs < 1_000);
      assert.deepEqual(events.slice(-2), ['store closed', 'log closed']);
    });
  });
});
