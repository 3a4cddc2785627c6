import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

const refreshResult = { profile: 'work', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };

describe('iam-token refresh', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({}));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[]) => runCli(args, { socket: daemon.socketPath });

  it('prints how long the new token is valid', async () => {
    daemon.setScript(respondWith({ refresh: refreshResult }));
    assert.deepEqual(await run(['refresh', '--profile', 'work']), {
      stdout: 'renewed work; IAM token valid until 2026-11-24 22:04\n',
      stderr: '',
      code: 0,
    });
    assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
  });

  it('shows on a terminal what it waits for', async () => {
    let answer = (): void => {};
    daemon.setScript((request, peer) => {
      answer = () => peer.respond(request, refreshResult);
    });
    const waiting = 'iam-token: waiting for Yandex Cloud to renew the token …';
    const { screen } = await runInTerminal(['refresh'], [{ expect: waiting, perform: () => answer() }], {
      socket: daemon.socketPath,
    });
    assert.equal(screen, `${waiting}\r\x1b[Krenewed work; IAM token valid until 2026-11-24 22:04\r\n`);
  });
});
