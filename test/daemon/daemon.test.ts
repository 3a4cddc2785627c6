import assert from 'node:assert/strict';
import { join } from 'node:path';
import { nodeIpcServer } from '../../src/adapters/node-ipc-server.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { type Daemon, type DaemonParts, startDaemon } from '../../src/daemon/daemon.ts';
import { Subscriptions } from '../../src/daemon/subscriptions.ts';
import type { DaemonStatus, ProfileStatus } from '../../src/protocol/messages.ts';
import type { Peer } from '../../src/protocol/peer.ts';
import { type Answered, type FakePeer, fakePeer } from '../support/fake-peer.ts';
import { login, type Running, startProfiles, type World, world } from '../support/profiles-fixture.ts';
import { type RawPeer, rawPeer } from '../support/raw-peer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

describe('the daemon', () => {
  const folder = temporaryFolder();
  let here: World;
  let running: Running;
  /** What happened to its parts, in order. */
  let happened: string[];
  /** What the service manager was told. */
  let told: string[];
  let peer: FakePeer;
  let onMessage: (data: unknown, peer: Peer) => void;

  beforeEach(() => {
    here = world(folder());
    running = startProfiles(here);
    happened = [];
    told = [];
    peer = fakePeer();
  });

  function start(parts: Partial<DaemonParts> = {}): Promise<Daemon> {
    return startDaemon({
      clock: here.clock,
      version: '0.1.0',
      profiles: running.profiles,
      subscriptions: new Subscriptions(),
      supervision: {
        manager: { kind: 'systemd --user', unit: 'iam-tokend.service' },
        ready: () => void told.push('ready'),
        stopping: () => void told.push('stopping'),
      },
      log: {
        ...here.log,
        close: async () => void happened.push('log closed'),
      },
      store: {
        ...here.store,
        close: async () => void happened.push('store closed'),
      },
      protect: () => ({ peers: 'own uid', memory: 'closed' }),
      listeners: async (handle) => {
        onMessage = handle;
        return [
          {
            listen: async () => void happened.push('listening'),
            close: async () => void happened.push(`closed after ${peer.sent.length} answers`),
          },
        ];
      },
      metadataAddress: () => null,
      ...parts,
    });
  }

  function ask(id: number, method: string, params: object = {}): Promise<Answered> {
    onMessage({ v: 1, id, method, params }, peer);
    return peer.answerTo(id);
  }

  it('listens before the store has answered, and lets requests wait for it', async () => {
    await running.profiles.load();
    await login(running, 'a');
    await running.profiles.stop();
    const release = here.store.hold(({ operation }) => operation === 'read');
    running = startProfiles(here);
    const daemon = await start();
    assert.deepEqual(happened, ['listening']);
    const token = ask(1, 'token');
    const { result = {} } = await ask(2, 'status');
    assert.equal((result['profiles'] as readonly ProfileStatus[])[0]?.state, 'loading');
    release();
    assert.equal((await token).result?.['token'], 't1.a.1');
    await daemon.stop();
  });

  it('does not start where it cannot listen', async () => {
    const listen = (): Promise<void> => Promise.reject(new Error('EADDRINUSE'));
    await assert.rejects(
      start({ listeners: async () => [{ listen, close: async () => undefined }] }),
      /EADDRINUSE/,
    );
    assert.equal(here.store.calls.length, 0);
  });

  it('says in its status who it is, and whether the store is open', async () => {
    const daemon = await start();
    const expected: DaemonStatus = {
      version: '0.1.0',
      pid: process.pid,
      protection: { peers: 'own uid', memory: 'closed' },
      startedAt: '2026-11-24T12:00:00.000Z',
      manager: { kind: 'systemd --user', unit: 'iam-tokend.service' },
      locked: false,
      store: { kind: 'memory', state: 'open', problem: null },
    };
    assert.deepEqual((await ask(1, 'status')).result?.['daemon'], expected);
    here.store.failWith('keychain_locked');
    const { result = {} } = await ask(2, 'status');
    assert.deepEqual((result['daemon'] as DaemonStatus).store, {
      kind: 'memory',
      state: 'closed',
      problem: { code: 'keychain_locked', message: 'the store fails' },
    });
    await daemon.stop();
  });

  it('is ready when it listens and has read the store, or found it locked', async () => {
    await running.profiles.load();
    await login(running, 'a');
    for (const end of ['read', 'locked'] as const) {
      told = [];
      running = startProfiles(here);
      const release = here.store.hold(({ operation }) => operation === 'read');
      const daemon = await start();
      assert.deepEqual(told, [], `the store is not ${end} yet`);
      if (end === 'locked') here.store.failWith('keychain_locked');
      release();
      await until(() => told.length > 0, 'it is ready');
      await daemon.stop();
      assert.deepEqual(told, ['ready', 'stopping']);
    }
  });

  it('is ready after 10 s though the store still hangs, and never once it stops', async () => {
    await running.profiles.load();
    await login(running, 'a');
    running = startProfiles(here);
    here.store.hold(() => true);
    const daemon = await start();
    here.clock.advance(10_000);
    await until(() => told.length > 0, 'it is ready');
    assert.deepEqual(told, ['ready']);
    const stopped = daemon.stop();
    here.clock.advance(1_000);
    await stopped;
    told = [];
    const another = await start();
    const anotherStopped = another.stop();
    here.clock.advance(10_000);
    await anotherStopped;
    assert.deepEqual(told, ['stopping']);
  });

  it('ends in its order: who waits is answered, then peers, store and log are closed', async () => {
    const daemon = await start();
    here.iam.respond = null;
    const waiting = ask(1, 'login', { kind: 'oauth', secret: 'a' });
    await until(() => here.iam.exchanges.length === 1, 'the login is confirmed');
    await daemon.stop();
    assert.deepEqual(happened, ['listening', 'closed after 1 answers', 'store closed', 'log closed']);
    assert.equal((await waiting).error?.code, 'unavailable');
    await daemon.stopped;
  });

  it('ends once, however often it is told to', async () => {
    const daemon = await start();
    await Promise.all([daemon.stop(), daemon.stop(), ask(1, 'stop')]);
    await daemon.stop();
    assert.equal(happened.filter((what) => what === 'log closed').length, 1);
  });

  it('ends at the request of a peer, who has the answer first', async () => {
    const daemon = await start();
    assert.deepEqual(await ask(1, 'stop'), { v: 1, id: 1, result: {} });
    await daemon.stopped;
    assert.equal(happened[1], 'closed after 1 answers');
  });

  it('waits for the last token to be kept', async () => {
    await running.profiles.load();
    const release = here.store.hold(({ operation, key }) => operation === 'write' && key.endsWith('.token'));
    const daemon = await start();
    await ask(1, 'login', { kind: 'oauth', secret: 'a' });
    const stopped = daemon.stop();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!happened.includes('store closed'));
    release();
    await stopped;
    assert.ok(happened.includes('store closed'));
    assert.equal(here.store.keys().length, 2);
  });

  for (const hanging of ['a peer', 'the store'] as const) {
    it(`waits 900 ms for ${hanging} that hangs, and no longer`, async () => {
      const never = (): Promise<void> => new Promise(() => undefined);
      const daemon = await start({
        ...(hanging === 'a peer'
          ? { listeners: async () => [{ listen: async () => undefined, close: never }] }
          : { store: { ...here.store, close: never } }),
      });
      let over = false;
      const stopped = daemon.stop().then(() => (over = true));
      here.clock.advance(899);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(over, false);
      here.clock.advance(1);
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

    it('answers everybody and ends within a second, though no exchange ever ends', async () => {
      const clock = systemClock();
      let received = 0;
      const path = join(folder(), 'ipc.sock');
      await running.profiles.load();
      await login(running, 'a', 'work');
      await login(running, 'b', 'home');
      const daemon = await start({
        clock,
        listeners: async (handle) => [
          await nodeIpcServer({
            listenOn: { path },
            platform: process.platform,
            clock,
            onMessage: (data, from) => {
              received += 1;
              handle(data, from);
            },
            onFault: (reason) => assert.fail(reason),
          }),
        ],
      });
      here.iam.respond = null;
      here.iam.obeysAbort = false;
      const asked: (readonly [string, object])[] = [
        ['refresh', { profile: 'work' }],
        ['token', { profile: 'home', minTtlMs: 43_200_000 }],
        ['refresh', { profile: 'home' }],
        ['login', { kind: 'oauth', secret: 'c', profile: 'third' }],
      ];
      here.clock.advance(1_000);
      for (let i = 0; i < 100; i++) {
        const made = await rawPeer(path);
        peers.push(made);
        const [method, params] = asked[i % asked.length] ?? ['refresh', {}];
        made.send({ v: 1, id: i, method, params });
      }
      await until(() => received === 100 && here.iam.exchanges.length >= 5, 'everybody waits');
      const startedMs = performance.now();
      const stopped = daemon.stop();
      const codes = await Promise.all(
        peers.map(async (each) => ((await each.next()) as Answered).error?.code),
      );
      assert.deepEqual(new Set(codes), new Set(['unavailable']));
      await stopped;
      assert.ok(performance.now() - startedMs < 1_000);
      assert.deepEqual(happened.slice(-2), ['store closed', 'log closed']);
    });
  });
});
