import assert from 'node:assert/strict';
import { getIamToken } from '../../src/client/iam-token-client.ts';
import { encodeFrame } from '../../src/protocol/envelope.ts';
import { failWith, respondWith, type Script, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createTokenResult } from '../support/daemon/scripted-results.ts';
import { captureError } from '../support/problems.ts';

const tokenResult = createTokenResult(12 * 60 * 60_000);

describe('getIamToken', () => {
  let daemon: ScriptedDaemon;

  async function start(script: Script): Promise<string> {
    daemon = await ScriptedDaemon.start(script);
    return daemon.socketPath;
  }

  afterEach(() => daemon?.close());

  it('returns the token, its expiry, its profile and its subject', async () => {
    const socketPath = await start(respondWith({ token: tokenResult }));
    assert.deepEqual(await getIamToken({ socketPath }), tokenResult);
    assert.deepEqual(daemon.requests, [{ v: 1, id: 1, method: 'token', params: {} }]);
  });

  it('requests the profile and the lifetime of its options', async () => {
    const socketPath = await start(respondWith({ token: tokenResult }));
    await getIamToken({ socketPath, profile: 'work', minTtlMs: 600_000 });
    assert.deepEqual(daemon.requests[0]?.params, { profile: 'work', minTtlMs: 600_000 });
  });

  it("returns the daemon's warning", async () => {
    const warning = { code: 'login_required', message: 'the token was revoked', hint: 'iam-token login' };
    const socketPath = await start(respondWith({ token: { ...tokenResult, warning } }));
    assert.deepEqual((await getIamToken({ socketPath })).warning, warning);
  });

  it("throws the daemon's error with its hint and its retryAfterMs", async () => {
    const problem = {
      code: 'unavailable',
      message: 'IAM does not answer',
      hint: 'iam-token status',
      retryAfterMs: 5_000,
    } as const;
    const error = await captureError(getIamToken({ socketPath: await start(failWith(problem)) }));
    const { code, message, hint, retryAfterMs } = error;
    assert.deepEqual({ code, message, hint, retryAfterMs }, problem);
  });

  it('gives a hint for a daemon that supports another version of the protocol', async () => {
    const script: Script = ({ id }, peer) => {
      const error = { code: 'unsupported_version', message: 'this daemon speaks version 2 of the protocol' };
      peer.writeRaw(encodeFrame({ v: 2, id, error }));
    };
    const error = await captureError(getIamToken({ socketPath: await start(script) }));
    assert.equal(error.code, 'unsupported_version');
    assert.match(error.hint ?? '', /iam-token stop/);
  });

  it('maps an unknown error code to internal', async () => {
    const script: Script = ({ id }, peer) => {
      peer.writeRaw(encodeFrame({ v: 1, id, error: { code: 'on_holiday', message: 'back on Monday' } }));
    };
    const error = await captureError(getIamToken({ socketPath: await start(script) }));
    assert.deepEqual([error.code, error.message], ['internal', 'back on Monday']);
  });

  it('throws an error that has no request id', async () => {
    const script: Script = (_, peer) => {
      peer.writeRaw(encodeFrame({ v: 1, id: null, error: { code: 'bad_request', message: 'no id' } }));
    };
    assert.equal((await captureError(getIamToken({ socketPath: await start(script) }))).code, 'bad_request');
  });

  it('drops unknown fields of the result', async () => {
    const socketPath = await start(respondWith({ token: { ...tokenResult, mood: 'good' } }));
    assert.deepEqual(await getIamToken({ socketPath }), tokenResult);
  });

  for (const [when, partialReply] of [
    ['before the response', ''],
    ['within the response', encodeFrame({ v: 1, id: 1, result: tokenResult }).slice(0, 40)],
  ] as const) {
    it(`throws unreachable when the daemon closes the connection ${when}`, async () => {
      const socketPath = await start((_, peer) => {
        peer.writeRaw(partialReply);
        peer.end();
      });
      const { code, message } = await captureError(getIamToken({ socketPath }));
      assert.deepEqual([code, message], ['unreachable', 'the daemon closed the connection']);
    });
  }

  it('sends the request again after a lost connection, at most five times', async () => {
    let connections = 0;
    const socketPath = await start((request, peer) => {
      connections += 1;
      if (connections < 4) peer.end();
      else peer.respond(request, tokenResult);
    });
    assert.equal((await getIamToken({ socketPath })).token, tokenResult.token);
    connections = -10;
    await captureError(getIamToken({ socketPath }));
    assert.equal(connections, -4);
  });

  it('times out after timeoutMs', async () => {
    const socketPath = await start(() => {});
    const error = await captureError(getIamToken({ socketPath, timeoutMs: 30 }));
    assert.deepEqual([error.code, error.message], ['unavailable', 'the daemon did not answer within 30 ms']);
  });

  it('throws the reason of the signal, before and during the request', async () => {
    const abortReason = new Error('enough');
    const controller = new AbortController();
    const socketPath = await start(() => controller.abort(abortReason));
    await assert.rejects(
      getIamToken({ socketPath, signal: controller.signal }),
      (error) => error === abortReason,
    );
    await assert.rejects(
      getIamToken({ socketPath, signal: controller.signal }),
      (error) => error === abortReason,
    );
    assert.equal(daemon.requests.length, 1);
  });

  it('removes its listeners from the signal', async () => {
    let listeners = 0;
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const socketPath = await start(respondWith({ token: tokenResult }));
    await getIamToken({ socketPath, signal });
    assert.equal(listeners, 0);
  });

  it('does not send a request that exceeds a frame', async () => {
    const socketPath = await start(respondWith({ token: tokenResult }));
    const error = await captureError(getIamToken({ socketPath, profile: 'x'.repeat(70_000) }));
    assert.equal(error.code, 'bad_request');
    assert.equal(daemon.requests.length, 0);
  });
});
