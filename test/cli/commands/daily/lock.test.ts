import assert from 'node:assert/strict';
import { failWith, respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

describe('iam-token lock', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({}));
  });
  afterEach(() => daemon.close());

  for (const [outcome, expectedOutput] of [
    ['locked', 'locked; to unlock: iam-token unlock'],
    ['was_locked', 'already locked; to unlock: iam-token unlock'],
  ] as const) {
    it(`prints the outcome ${outcome}`, async () => {
      daemon.setScript(respondWith({ lock: { outcome } }));
      const run = await runCli(['lock'], { socket: daemon.socketPath });
      assert.deepEqual(run, { stdout: `${expectedOutput}\n`, stderr: '', code: 0 });
    });
  }

  it('makes requests for a token exit with 6 and a hint', async () => {
    daemon.setScript(failWith({ code: 'locked', message: 'the daemon is locked', hint: 'iam-token unlock' }));
    assert.deepEqual(await runCli([], { socket: daemon.socketPath }), {
      stdout: '',
      stderr: 'iam-token: error: the daemon is locked\niam-token: hint: iam-token unlock\n',
      code: 6,
    });
  });
});
