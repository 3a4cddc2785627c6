import assert from 'node:assert/strict';
import { runCli } from '../support/run-cli.ts';
import { answering, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';

describe('iam-token stop', () => {
  async function stopped(script: Script, ...args: readonly string[]): ReturnType<typeof runCli> {
    const daemon = await ScriptedDaemon.start(script);
    try {
      return await runCli(['stop', ...args], { socket: daemon.socketPath });
    } finally {
      await daemon.close();
    }
  }

  it('waits until the daemon hangs up', async () => {
    let hasHungUp = false;
    const ended = await stopped((request, peer) => {
      peer.answer(request, {});
      setImmediate(() => {
        hasHungUp = true;
        peer.end();
      });
    });
    assert.deepEqual(ended, { stdout: 'the daemon has stopped\n', stderr: '', code: 0 });
    assert.ok(hasHungUp);
  });

  it('ends with 5 when the daemon goes on', async () => {
    assert.deepEqual(await stopped(answering({ stop: {} }), '--timeout', '50ms'), {
      stdout: '',
      stderr: 'iam-token: error: the daemon did not end within 50 ms\n',
      code: 5,
    });
  });
});
