import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chdir, cwd } from 'node:process';
import { type IpcServer, nodeIpcServer } from '../../src/adapters/node-ipc-server.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { dial } from '../../src/client/dial.ts';
import { IamTokenError } from '../../src/client/iam-token-error.ts';
import * as methods from '../../src/protocol/methods.ts';
import { patienceOf } from '../../src/client/patience.ts';
import { requestToken } from '../../src/client/request-token.ts';
import { peerProofs } from '../../src/daemon/peer-proofs.ts';
import { type RequestHandler, requestHandler } from '../../src/daemon/request-handler.ts';
import { AlreadyRunning, holdLock } from '../../src/daemon/single-instance.ts';
import { Subscriptions } from '../../src/daemon/subscriptions.ts';
import { asking } from '../../src/http/ask.ts';
import { pipeKeyPath, socketCandidates, type Surroundings } from '../../src/platform/places.ts';
import { newNonce, proofOf } from '../../src/protocol/challenge.ts';
import type { TokenAnswer } from '../../src/protocol/messages.ts';
import { login, startProfiles, type World, world } from '../support/profiles-fixture.ts';
import { type RawPeer, rawPeer } from '../support/raw-peer.ts';
import { answering, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** As on Windows. A Linux takes the pipe for a socket of that name in the working directory, and the key file likewise. */
const ada: Surroundings = {
  platform: 'win32',
  env: {},
  home: () => String.raw`C:\Users\ada`,
  uid: null,
  userName: () => 'ada',
  isOurs: () => false,
};
const [pipe] = socketCandidates(ada);
const keyPath = pipeKeyPath(ada);

describe('a pipe of Windows', () => {
  const folder = temporaryFolder();
  const before = cwd();
  let here: World;
  let faults: string[];
  let handler: RequestHandler;
  const running: { close(): Promise<void> }[] = [];
  const peers: RawPeer[] = [];

  beforeEach(() => {
    chdir(folder());
    here = world(folder());
    faults = [];
  });

  afterEach(async () => {
    for (const { socket } of peers.splice(0)) socket.destroy();
    for (const each of running.splice(0)) await each.close();
    chdir(before);
  });

  /** A daemon with a token, but for the programs around it. */
  async function startDaemon(path: string = pipe): Promise<IpcServer> {
    const started = startProfiles(here);
    await started.profiles.load();
    await login(started, 'y0_secret');
    handler = requestHandler({
      clock: here.clock,
      log: here.log,
      version: '0.1.0',
      profiles: started.profiles,
      subscriptions: new Subscriptions(),
      daemonStatus: () => Promise.reject(new Error('not asked here')),
      proofs: await peerProofs(keyPath, path),
      stop: () => undefined,
    });
    const server = await nodeIpcServer({
      listenOn: { path },
      platform: 'win32',
      clock: systemClock(),
      onMessage: (data, peer) => handler.handle(data, peer),
      onFault: (reason) => faults.push(reason),
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

  async function peer(path: string = pipe): Promise<RawPeer> {
    const made = await rawPeer(path);
    peers.push(made);
    return made;
  }

  async function asked(from: RawPeer, method: string, params: object = {}) {
    from.send({ v: 1, id: 1, method, params });
    type Said = { nonce?: string; proof?: string; token?: string };
    return (await from.next()) as { result?: Said; error?: { code: string; message: string } };
  }

  async function refusal(work: Promise<unknown>): Promise<IamTokenError> {
    try {
      await work;
    } catch (error) {
      if (error instanceof IamTokenError) return error;
      throw error;
    }
    throw new Error('it was not refused');
  }

  const token = (): Promise<TokenAnswer> => requestToken({ timeoutMs: 5_000 }, ada);
  const loginTo = async (): Promise<unknown> => {
    const patience = patienceOf(5_000);
    const connection = await dial(undefined, ada, patience);
    return connection.ask(methods.login, { kind: 'oauth', secret: 'y0_canary' }, patience);
  };

  it('gives a token to a client that can read the key', async () => {
    await startDaemon();
    assert.match((await token()).token, /^t1\./);
    assert.equal(readFileSync(keyPath).length, 32);
    assert.deepEqual(faults, []);
  });

  it('has a key that nobody else may read, and keeps it over a restart', async () => {
    await (await startDaemon()).close();
    const key = readFileSync(keyPath);
    assert.equal(statSync(keyPath).mode & 0o777, 0o600);
    await peerProofs(keyPath, pipe);
    assert.deepEqual(readFileSync(keyPath), key);
  });

  it('answers nothing but hello to who has not proved that', async () => {
    await startDaemon();
    const stranger = await peer();
    for (const method of ['token', 'login', 'unlock', 'status', 'subscribe', 'stop']) {
      const params = method === 'login' ? { kind: 'oauth', secret: 'x' } : {};
      assert.equal((await asked(stranger, method, params)).error?.code, 'bad_request', method);
    }
    const said = await asked(stranger, 'hello', { nonce: newNonce(crypto) });
    assert.deepEqual(Object.keys(said.result ?? {}), ['version', 'protocol', 'nonce', 'proof']);
    assert.equal((await asked(stranger, 'token')).error?.code, 'bad_request');
  });

  it('is not what the metadata address is asked through, which wants no proof', async () => {
    await startDaemon();
    const { token } = await asking((data, from) => handler.handle(data, from), new AbortController().signal)(
      'token',
      {},
    );
    assert.match(token, /^t1\./);
  });

  it('cuts off who sends a wrong proof: its own one back, or one of another connection', async () => {
    await startDaemon();
    const clientNonce = newNonce(crypto);
    const first = await peer();
    const { nonce: daemonNonce = '', proof = '' } =
      (await asked(first, 'hello', { nonce: clientNonce })).result ?? {};
    first.send({ v: 1, id: 1, method: 'hello', params: { proof } });
    await first.gone;
    const second = await peer();
    await asked(second, 'hello', { nonce: clientNonce });
    const challenge = { key: readFileSync(keyPath), pipe, clientNonce, daemonNonce };
    second.send({ v: 1, id: 1, method: 'hello', params: { proof: proofOf('client', challenge, crypto) } });
    await second.gone;
    assert.equal(faults.length, 2);
    assert.match(faults.join(), /a client that cannot read the key of the pipe/);
  });

  it('takes a proof once, and only where it asked for one', async () => {
    await startDaemon();
    const client = await peer();
    const proof = 'p'.repeat(43);
    assert.equal((await asked(client, 'hello', { proof })).error?.code, 'bad_request');
    const clientNonce = newNonce(crypto);
    const { nonce: daemonNonce = '' } = (await asked(client, 'hello', { nonce: clientNonce })).result ?? {};
    const challenge = { key: readFileSync(keyPath), pipe, clientNonce, daemonNonce };
    const right = { proof: proofOf('client', challenge, crypto) };
    assert.ok((await asked(client, 'hello', right)).result);
    assert.equal((await asked(client, 'hello', right)).error?.code, 'bad_request');
    assert.match((await asked(client, 'token')).result?.token ?? '', /^t1\./);
  });

  const word = 'x'.repeat(43);
  const squatters: readonly (readonly [string, Script])[] = [
    ['answers hello as if it knew of no challenge', answering({ hello: { version: '0.1.0', protocol: 1 } })],
    ['makes up a proof', answering({ hello: { version: '0.1.0', protocol: 1, nonce: word, proof: word } })],
    [
      'sends the nonce back as nonce and proof',
      answering({
        hello: ({ nonce }: { nonce?: string }) => ({ version: '', protocol: 1, nonce, proof: nonce }),
      }),
    ],
    [
      'asks for a password instead',
      (request, at) => at.fail(request, { code: 'locked', message: 'type it', hint: 'iam-token login' }),
    ],
    ['talks another language', (_, at) => at.raw('SSH-2.0\f')],
    ['hangs up', (_, at) => at.end()],
  ];
  for (const [what, script] of squatters) {
    it(`tells nothing to one who took its name and ${what}`, async () => {
      await peerProofs(keyPath, pipe);
      const squatter = await startSquatter(script);
      for (const work of [token, loginTo]) {
        const { code, message, hint } = await refusal(work());
        assert.equal(code, 'unreachable');
        assert.equal(
          message,
          `what listens at ${pipe} has not proved that it can read ${keyPath}, as your daemon could`,
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

  it('tells nothing to one who hands the words on to the daemon, at another pipe', async () => {
    const moved = String.raw`\\.\pipe\moved`;
    await startDaemon(moved);
    const squatter = await startSquatter((request, at) => {
      void peer(moved)
        .then((daemon) => asked(daemon, request.method, request.params as object))
        .then(({ result }) => at.answer(request, result));
    });
    assert.equal((await refusal(token())).code, 'unreachable');
    assert.deepEqual(
      squatter.requests.map(({ method }) => method),
      ['hello'],
    );
  });

  it('is not spoken to where the key is gone, or another', async () => {
    await startDaemon();
    writeFileSync(keyPath, Buffer.alloc(32));
    assert.match((await refusal(token())).message, /has not proved/);
    rmSync(keyPath);
    assert.match((await refusal(token())).message, /has not proved/);
  });

  it('leaves a caller that gives up its own reason', async () => {
    await startSquatter(() => undefined);
    const reason = new Error('enough');
    const giving = new AbortController();
    const work = requestToken({ signal: giving.signal }, ada);
    setImmediate(() => giving.abort(reason));
    await assert.rejects(work, reason);
  });

  it('serves one daemon for each configuration folder', async () => {
    const path = join(folder(), 'lock');
    await holdLock(path, 'win32');
    await assert.rejects(holdLock(path, 'win32'), AlreadyRunning);
    await holdLock(join(folder(), 'other'), 'win32');
  });

  it('is no place for a key that was cut', async () => {
    writeFileSync(keyPath, 'short');
    await assert.rejects(peerProofs(keyPath, pipe), /has 5 bytes/);
  });
});
