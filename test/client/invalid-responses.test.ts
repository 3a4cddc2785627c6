import assert from 'node:assert/strict';
import { getIamToken } from '../../src/client/iam-token-client.ts';
import { encodeFrame } from '../../src/protocol/envelope.ts';
import { respondWith, type Script, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createTokenResult } from '../support/daemon/scripted-results.ts';
import { captureError } from '../support/problems.ts';

const tokenResult = createTokenResult(12 * 60 * 60_000);

describe('the response of the daemon', () => {
  let daemon: ScriptedDaemon;

  async function start(script: Script): Promise<string> {
    daemon = await ScriptedDaemon.start(script);
    return daemon.socketPath;
  }

  afterEach(() => daemon?.close());

  const invalidResults: readonly (readonly [string, unknown])[] = [
    ['null', null],
    ['an array', []],
    ['a string', 't1.token'],
    ['no token', { ...tokenResult, token: undefined }],
    ['an empty token', { ...tokenResult, token: '' }],
    ['a token that would break a header', { ...tokenResult, token: 't1.a\r\nX-Evil: 1' }],
    ['a token with a space', { ...tokenResult, token: 't1 a' }],
    ['a token with a letter beyond ASCII', { ...tokenResult, token: 't1.ё' }],
    ['a number as time', { ...tokenResult, expiresAt: 1_764_000_000 }],
    ['an invalid time', { ...tokenResult, expiresAt: '2026-13-44T25:04:05.000Z' }],
    ['a time without a zone', { ...tokenResult, expiresAt: '2026-11-24T22:04:05' }],
    ['no profile', { ...tokenResult, profile: null }],
    ['no subject', { ...tokenResult, subject: undefined }],
    ['a string as warning', { ...tokenResult, warning: 'beware' }],
    ['D9: a clock offset of 1e300', { ...tokenResult, clockOffsetMs: 1e300 }],
    [
      'D9: a retryAfterMs of 1e300',
      { ...tokenResult, warning: { code: 'unavailable', message: 'm', retryAfterMs: 1e300 } },
    ],
    ['a warning without a message', { ...tokenResult, warning: { code: 'login_required' } }],
  ];
  for (const [description, result] of invalidResults) {
    it(`throws internal for ${description} as the result`, async () => {
      const error = await captureError(
        getIamToken({ socketPath: await start(respondWith({ token: () => result })) }),
      );
      assert.equal(error.code, 'internal');
      assert.match(error.message, /^the daemon sent an invalid response to token: result[. ]/);
    });
  }

  const invalidFrames: readonly (readonly [string, string | Uint8Array])[] = [
    ['bytes of HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n\f'],
    ['another event', '{"type":"else","data":{}}\f'],
    ['a bare message', '{"v":1,"id":1,"result":{}}\f'],
    ['data that is null', '{"type":"iam-token","data":null}\f'],
    ['data that is an array', '{"type":"iam-token","data":[]}\f'],
    ['another version', encodeFrame({ v: 9, id: 1, result: tokenResult })],
    ['a result without an id', encodeFrame({ v: 1, result: tokenResult })],
    ['a string as id', encodeFrame({ v: 1, id: '1', result: tokenResult })],
    ['a string as error', encodeFrame({ v: 1, id: 1, error: 'no' })],
    ['invalid UTF-8', Uint8Array.of(0xff, 0xfe, 0x0c)],
    ['a frame that never ends', 'x'.repeat(70_000)],
  ];
  for (const [description, bytes] of invalidFrames) {
    it(`closes the connection after ${description}`, async () => {
      const socketPath = await start((_, peer) => peer.writeRaw(bytes));
      const error = await captureError(getIamToken({ socketPath }));
      assert.equal(error.code, 'internal');
      assert.match(error.message, /does not speak the protocol/);
      assert.ok(error.cause instanceof Error);
    });
  }

  it('reads a frame that is split at any byte', async () => {
    const frame = Buffer.from(encodeFrame({ v: 1, id: 1, result: { ...tokenResult, profile: 'работа' } }));
    let cutAt = 0;
    const socketPath = await start((_, peer) => {
      peer.writeRaw(frame.subarray(0, cutAt));
      setImmediate(() => peer.writeRaw(frame.subarray(cutAt)));
    });
    for (cutAt = 1; cutAt < frame.length; cutAt += 1) {
      assert.equal((await getIamToken({ socketPath })).profile, 'работа', `cut at ${cutAt}`);
    }
  });
});
