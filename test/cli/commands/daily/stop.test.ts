import assert from 'node:assert/strict';
import { runCli } from '../../../support/processes/run-cli.ts';
import { respondWith, type Script, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';

describe('iam-token stop', () => {
  async function runStop(script: Script, ...args: readonly string[]): ReturnType<typeof runCli> {
    const daemon = await ScriptedDaemon.start(script);
    try {
      return await runCli(['stop', ...args], { socket: daemon.socketPath });
    } finally {
      await daemon.close();
    }
  }

  it('waits until the daemon closes the connection', async () => {
    let hasClosed = false;
    const result = await runStop((request, peer) => {
      peer.respond(request, {});
      setImmediate(() => {
        hasClosed = true;
        peer.end();
      });
    });
    assert.deepEqual(result, { stdout: 'iam-tokend has stopped\n', stderr: '', code: 0 });
    assert.ok(hasClosed);
  });

  it('exits with 5 if the daemon does not stop', async () => {
    assert.deepEqual(await runStop(respondWith({ stop: {} }), '--timeout', '2s'), {
      stdout: '',
      stderr: 'iam-token: error: the daemon did not stop within 2 s\n',
      code: 5,
    });
  });
});
