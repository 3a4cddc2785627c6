import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chdir, cwd } from 'node:process';
import { type IpcServer, createNodeIpcServer } from '../../../src/adapters/node-ipc-server.ts';
import { createSystemClock } from '../../../src/adapters/system-clock.ts';
import { dial } from '../../../src/client/dial.ts';
import { deadlineAfter } from '../../../src/client/deadline.ts';
import { requestToken } from '../../../src/client/request-token.ts';
import { createPeerAuthentication } from '../../../src/daemon/requests/peer-authentication.ts';
import { RequestHandler } from '../../../src/daemon/requests/request-handler.ts';
import { AlreadyRunningError } from '../../../src/daemon/instance/already-running-error.ts';
import { Subscriptions } from '../../../src/daemon/requests/subscriptions.ts';
import { createDispatch } from '../../../src/http/dispatch.ts';
import { pipeKeyPath, socketCandidates, type ProcessContext } from '../../../src/platform/paths.ts';
import * as methods from '../../../src/protocol/methods.ts';
import { createNonce, computeProof } from '../../../src/protocol/challenge.ts';
import type { TokenResult } from '../../../src/protocol/method-types.ts';
import {
  login,
  startProfiles,
  type ProfilesFixture,
  createProfilesFixture,
} from '../../support/daemon/profiles-fixture.ts';
import { type RawPeer, connectRawPeer } from '../../support/daemon/raw-peer.ts';
import { respondWith, type Script, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';
import { createLocks } from '../../support/daemon/lock-holder.ts';
import { captureError } from '../../support/problems.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

/** As on Windows. Linux takes the pipe and the key file as names in the working directory. */
const windowsContext: ProcessContext = {
  platform: 'win32',
  env: {},
  home: () => String.raw`C:\Users\ada`,
  uid: null,
  userName: () => 'ada',
  isOwnFolder: () => false,
};
const [pipe] = socketCandidates(windowsContext);
const keyPath = pipeKeyPath(windowsContext);

describe('a Windows pipe', () => {
  const folder = useTemporaryFolder();
  const originalFolder = cwd();
  let fixture: ProfilesFixture;
  let closeReasons: string[];
  let handler: RequestHandler;
  const running: { close(): Promise<void> }[] = [];
  const peers: RawPeer[] = [];

  beforeEach(() => {
    chdir(folder());
    fixture = createProfilesFixture(folder());
    closeReasons = [];
  });

  afterEach(async () => {
    for (const { socket } of peers.splice(0)) socket.destroy();
    for (const resource of running.splice(0)) await resource.close();
    chdir(originalFolder);
  });

  /** The parts of a daemon that answer requests, with a token. */
  async function startDaemon(path: string = pipe): Promise<IpcServer> {
    const started = await startProfiles(fixture);
    await started.profiles.load();
    await login(started, 'y0_secret');
    handler = new RequestHandler({
      clock: fixture.clock,
      log: fixture.log,
      version: '0.1.0',
      profiles: started.profiles,
      subscriptions: new Subscriptions(),
      hooks: { isWorking: () => false },
      getDaemonStatus: () => Promise.reject(new Error('not called here')),
      getRecentDaemonStatus: () => null,
      peerAuthentication: await createPeerAuthentication(keyPath, path),
      getProcessMetrics: () => assert.fail('not called here'),
      getContainerAccess: () => 'not enforced',
      stopDaemon: () => undefined,
    });
    const server = await createNodeIpcServer({
      listenOn: { path },
      platform: 'win32',
      clock: createSystemClock(),
      onMessage: (data, from) => handler.handle(data, from),
      onError: (reason) => closeReasons.push(reason),
      onListenError: (reason) => assert.fail(reason),
    });
    await server.listen();
    running.push(server);
    return server;
  }

  async function startSquatter(script: Script): Promise<ScriptedDaemon> {
    const squatter = await ScriptedDaemon.start(script, pipe);
    running.push(squatter);
    return squatter;
  }

  async function connectPeer(path: string = pipe): Promise<RawPeer> {
    const newPeer = await connectRawPeer(path);
    peers.push(newPeer);
    return newPeer;
  }

  async function call(from: RawPeer, method: string, params: object = {}) {
    from.send({ v: 1, id: 1, method, params });
    type ResultFields = { nonce?: string; proof?: string; token?: string };
    return (await from.nextData()) as { result?: ResultFields; error?: { code: string; message: string } };
  }

  const token = (): Promise<TokenResult> => requestToken({ timeoutMs: 5_000 }, windowsContext);
  const sendLogin = async (): Promise<unknown> => {
    const deadline = deadlineAfter(5_000);
    const connection = await dial(undefined, windowsContext, deadline);
    return connection.call(methods.login, { kind: 'oauth', secret: 'y0_canary' }, deadline);
  };

  it('serves a token to a client that can read the key', async () => {
    await startDaemon();
    assert.match((await token()).token, /^t1\./);
    assert.equal(readFileSync(keyPath).length, 32);
    assert.deepEqual(closeReasons, []);
  });

  it('has a key that only its user can read, and keeps it across a restart', async () => {
    await (await startDaemon()).close();
    const key = readFileSync(keyPath);
    assert.equal(statSync(keyPath).mode & 0o777, 0o600);
    await createPeerAuthentication(keyPath, pipe);
    assert.deepEqual(readFileSync(keyPath), key);
  });

  it('answers only hello before the proof', async () => {
    await startDaemon();
    const unknownPeer = await connectPeer();
    for (const method of ['token', 'login', 'unlock', 'status', 'subscribe', 'stop']) {
      const params = method === 'login' ? { kind: 'oauth', secret: 'x' } : {};
      assert.equal((await call(unknownPeer, method, params)).error?.code, 'bad_request', method);
    }
    const response = await call(unknownPeer, 'hello', { nonce: createNonce(crypto) });
    assert.deepEqual(Object.keys(response.result ?? {}), ['version', 'protocol', 'nonce', 'proof']);
    assert.equal((await call(unknownPeer, 'token')).error?.code, 'bad_request');
  });

  it('requires no proof of requests over HTTP', async () => {
    await startDaemon();
    const { token } = await createDispatch(
      (data, from) => handler.handle(data, from),
      new AbortController().signal,
    )('token', {});
    assert.match(token, /^t1\./);
  });

  it('closes the connection after a wrong proof: its own, or that of another connection', async () => {
    await startDaemon();
    const clientNonce = createNonce(crypto);
    const first = await connectPeer();
    const { nonce: daemonNonce = '', proof = '' } =
      (await call(first, 'hello', { nonce: clientNonce })).result ?? {};
    first.send({ v: 1, id: 1, method: 'hello', params: { proof } });
    await first.closed;
    const second = await connectPeer();
    await call(second, 'hello', { nonce: clientNonce });
    const challenge = { key: readFileSync(keyPath), pipe, clientNonce, daemonNonce };
    second.send({
      v: 1,
      id: 1,
      method: 'hello',
      params: { proof: computeProof('client', challenge, crypto) },
    });
    await second.closed;
    assert.equal(closeReasons.length, 2);
    assert.match(closeReasons.join(), /the client cannot read the key of the pipe/);
  });

  it('accepts a proof once, and only after a nonce', async () => {
    await startDaemon();
    const client = await connectPeer();
    const proof = 'p'.repeat(43);
    assert.equal((await call(client, 'hello', { proof })).error?.code, 'bad_request');
    const clientNonce = createNonce(crypto);
    const { nonce: daemonNonce = '' } = (await call(client, 'hello', { nonce: clientNonce })).result ?? {};
    const challenge = { key: readFileSync(keyPath), pipe, clientNonce, daemonNonce };
    const right = { proof: computeProof('client', challenge, crypto) };
    assert.ok((await call(client, 'hello', right)).result);
    assert.equal((await call(client, 'hello', right)).error?.code, 'bad_request');
    assert.match((await call(client, 'token')).result?.token ?? '', /^t1\./);
  });

  const fakeProof = 'x'.repeat(43);
  const squatters: readonly (readonly [string, Script])[] = [
    ['answers hello without a challenge', respondWith({ hello: { version: '0.1.0', protocol: 1 } })],
    [
      'invents a proof',
      respondWith({ hello: { version: '0.1.0', protocol: 1, nonce: fakeProof, proof: fakeProof } }),
    ],
    [
      'sends the nonce back as nonce and proof',
      respondWith({
        hello: ({ nonce }: { nonce?: string }) => ({ version: '', protocol: 1, nonce, proof: nonce }),
      }),
    ],
    [
      'prompts for a password',
      (request, at) => at.fail(request, { code: 'locked', message: 'type it', hint: 'iam-token login' }),
    ],
    ['speaks another protocol', (_, at) => at.writeRaw('SSH-2.0\f')],
    ['closes the connection', (_, at) => at.end()],
  ];
  for (const [what, script] of squatters) {
    it(`reveals nothing to a program that took its name and ${what}`, async () => {
      await createPeerAuthentication(keyPath, pipe);
      const squatter = await startSquatter(script);
      for (const work of [token, sendLogin]) {
        const { code, message, hint } = await captureError(work());
        assert.equal(code, 'unreachable');
        assert.equal(
          message,
          `the program at ${pipe} could not prove that it can read ${keyPath}, so it is not your daemon`,
        );
        assert.match(hint ?? '', /another user may have taken the name/);
      }
      assert.equal(squatter.requests.length, 2);
      for (const { method, params } of squatter.requests) {
        assert.equal(method, 'hello');
        assert.deepEqual(Object.keys(params as object), ['nonce']);
      }
    });
  }

  it('reveals nothing to a program that relays to the daemon at another pipe', async () => {
    const otherPipe = String.raw`\\.\pipe\moved`;
    await startDaemon(otherPipe);
    const squatter = await startSquatter((request, at) => {
      void connectPeer(otherPipe)
        .then((daemon) => call(daemon, request.method, request.params as object))
        .then(({ result }) => at.respond(request, result));
    });
    assert.equal((await captureError(token())).code, 'unreachable');
    assert.deepEqual(
      squatter.requests.map(({ method }) => method),
      ['hello'],
    );
  });

  it('is not used by a client whose key is missing or another', async () => {
    await startDaemon();
    writeFileSync(keyPath, Buffer.alloc(32));
    assert.match((await captureError(token())).message, /could not prove/);
    rmSync(keyPath);
    assert.match((await captureError(token())).message, /could not prove/);
  });

  it('rejects with the reason of the caller that aborts', async () => {
    await startSquatter(() => undefined);
    const reason = new Error('enough');
    const controller = new AbortController();
    const work = requestToken({ signal: controller.signal }, windowsContext);
    setImmediate(() => controller.abort(reason));
    await assert.rejects(work, reason);
  });

  it('serves one daemon for each configuration folder', async () => {
    await createLocks(true, 'win32').acquireFolder(folder());
    await assert.rejects(createLocks(true, 'win32').acquireFolder(folder()), AlreadyRunningError);
    await createLocks(true, 'win32').acquire(join(folder(), 'other'));
  });

  it('rejects a truncated key', async () => {
    writeFileSync(keyPath, 'short');
    await assert.rejects(createPeerAuthentication(keyPath, pipe), /is too short \(5 bytes/);
  });
});
