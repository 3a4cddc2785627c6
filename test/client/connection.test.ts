import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deadlineAfter } from '../../src/client/deadline.ts';
import { dial } from '../../src/client/dial.ts';
import { requestToken } from '../../src/client/request-token.ts';
import { processContext } from '../../src/platform/process-context.ts';
import * as methods from '../../src/protocol/methods.ts';
import { encodeFrame } from '../../src/protocol/envelope.ts';
import type { IamTokenErrorCode } from '../../src/shared/errors.ts';
import { respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createTokenResult } from '../support/daemon/scripted-results.ts';
import { captureError } from '../support/problems.ts';

const tokenResult = createTokenResult(12 * 60 * 60_000);

describe('a connection', () => {
  const context = { ...processContext(), env: {} };

  it('pipelines requests and matches responses by id', async () => {
    const sendResponses: (() => void)[] = [];
    const daemon = await ScriptedDaemon.start((request, peer) => {
      const { profile } = request.params as { readonly profile: string };
      sendResponses.push(() => peer.respond(request, { ...tokenResult, profile }));
      if (sendResponses.length === 3) for (const send of sendResponses.toReversed()) send();
    });
    const deadline = deadlineAfter(5_000);
    const connection = await dial(daemon.socketPath, context, deadline);
    try {
      const results = await Promise.all(
        ['a', 'b', 'c'].map((profile) => connection.call(methods.token, { profile }, deadline)),
      );
      assert.deepEqual(
        results.map(({ profile }) => profile),
        ['a', 'b', 'c'],
      );
      assert.equal(daemon.connectionCount, 1);
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('stays usable after a timeout and ignores the late response', async () => {
    const daemon = await ScriptedDaemon.start((request, peer) => {
      if (request.method === 'token') return;
      peer.writeRaw(encodeFrame({ v: 1, id: request.id - 1, result: tokenResult }));
      peer.respond(request, { version: '0.1.0', protocol: 1 });
    });
    const deadline = deadlineAfter(5_000);
    const connection = await dial(daemon.socketPath, context, deadline);
    try {
      const timeoutError = await captureError(connection.call(methods.token, {}, deadlineAfter(20)));
      assert.equal(timeoutError.code, 'unavailable');
      assert.equal((await connection.call(methods.hello, {}, deadline)).protocol, 1);
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('delivers events and ignores unknown ones', async () => {
    const daemon = await ScriptedDaemon.start((request, peer) => {
      peer.respond(request, {});
      peer.writeRaw(encodeFrame({ v: 1, event: 'moved', params: { profile: 'work' } }));
      peer.send('rotated', { profile: 'work', expiresAt: tokenResult.expiresAt });
    });
    const deadline = deadlineAfter(5_000);
    const connection = await dial(daemon.socketPath, context, deadline);
    try {
      const event = new Promise((resolve) => {
        connection.onEvent(resolve);
      });
      await connection.call(methods.subscribe, {}, deadline);
      assert.deepEqual(await event, {
        v: 1,
        event: 'rotated',
        params: { profile: 'work', expiresAt: tokenResult.expiresAt },
      });
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('fails pending and later requests once it is closed', async () => {
    const daemon = await ScriptedDaemon.start((_, peer) => peer.end());
    const deadline = deadlineAfter(5_000);
    const connection = await dial(daemon.socketPath, context, deadline);
    try {
      const calls = [
        connection.call(methods.token, {}, deadline),
        connection.call(methods.hello, {}, deadline),
      ];
      for (const pending of calls) assert.equal((await captureError(pending)).code, 'unreachable');
      await connection.waitForClose(deadline);
      assert.equal((await captureError(connection.call(methods.hello, {}, deadline))).code, 'unreachable');
    } finally {
      await daemon.close();
    }
  });

  it('sends no secret to a socket whose folder is not private', async () => {
    const daemon = await ScriptedDaemon.start(respondWith({ token: tokenResult }));
    chmodSync(dirname(daemon.socketPath), 0o755);
    const deadline = deadlineAfter(5_000);
    const connection = await dial(daemon.socketPath, context, deadline);
    try {
      const error = await captureError(
        connection.call(methods.login, { kind: 'oauth', secret: 'y0_secret' }, deadline),
      );
      assert.equal(error.code, 'bad_request');
      const unlock = await captureError(connection.call(methods.unlock, { passphrase: 'cAnArY' }, deadline));
      assert.equal(unlock.code, 'bad_request');
      assert.equal((await connection.call(methods.token, {}, deadline)).profile, 'work');
      assert.deepEqual(
        daemon.requests.map(({ method }) => method),
        ['token'],
      );
    } finally {
      connection.close();
      await daemon.close();
    }
  });

  it('reports a silent daemon as unavailable and a missing one as unreachable', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
    const silentServer = createServer(() => {});
    const socketPath = join(folder, 'ipc.sock');
    await new Promise<void>((resolve) => {
      silentServer.listen(socketPath, resolve);
    });
    try {
      const codes: IamTokenErrorCode[] = [];
      for (const path of [socketPath, join(folder, 'other.sock')]) {
        codes.push((await captureError(requestToken({ socketPath: path, timeoutMs: 30 }, context))).code);
      }
      assert.deepEqual(codes, ['unavailable', 'unreachable']);
    } finally {
      silentServer.close();
      rmSync(folder, { recursive: true });
    }
  });
});
