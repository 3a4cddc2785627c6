import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { authenticatePipe } from '../../src/client/authenticate-pipe.ts';
import { deadlineAfter } from '../../src/client/deadline.ts';
import { dial } from '../../src/client/dial.ts';
import { pipeKeyPath } from '../../src/platform/paths.ts';
import { processContext } from '../../src/platform/process-context.ts';
import { computeProof, createNonce } from '../../src/protocol/challenge.ts';
import { ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { captureError } from '../support/problems.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const pipe = '\\\\.\\pipe\\iam-tokend';

describe('authenticatePipe', () => {
  const folder = useTemporaryFolder();
  const previousFolder = process.cwd();

  // Elsewhere than on Windows, the path of the key is one name with backslashes.
  beforeEach(() => process.chdir(folder()));
  afterEach(() => process.chdir(previousFolder));

  it('closes the connection if the daemon refuses the proof of the client', async () => {
    const context = { ...processContext(), env: { XDG_STATE_HOME: folder() } };
    const key = crypto.randomBytes(32);
    const keyPath = pipeKeyPath(context);
    mkdirSync(dirname(keyPath), { recursive: true });
    writeFileSync(keyPath, key);
    const daemon = await ScriptedDaemon.start((request, peer) => {
      const { nonce } = request.params as { readonly nonce?: string };
      if (nonce === undefined) return peer.fail(request, { code: 'bad_request', message: 'no' });
      const challenge = { key, pipe, clientNonce: nonce, daemonNonce: createNonce(crypto) };
      const proof = computeProof('daemon', challenge, crypto);
      peer.respond(request, { version: '0.2.0', protocol: 1, nonce: challenge.daemonNonce, proof });
    });
    const deadline = deadlineAfter(5_000);
    const connection = await dial(daemon.socketPath, context, deadline);
    try {
      const error = await captureError(authenticatePipe(connection, pipe, context, deadline));
      assert.equal(error.code, 'bad_request');
      await connection.waitForClose(deadline);
    } finally {
      connection.close();
      await daemon.close();
    }
  });
});
