import assert from 'node:assert/strict';
import type { DaemonStatus } from '../../src/protocol/messages.ts';
import { version } from '../../src/shared/version.ts';
import { runCli } from '../support/run-cli.ts';
import { answering, ScriptedDaemon } from '../support/scripted-daemon.ts';

function answersOf(release: string): Parameters<typeof answering>[0] {
  const daemon: DaemonStatus = {
    version: release,
    pid: 1,
    startedAt: '2026-11-24T00:00:00.000Z',
    manager: null,
    store: { kind: 'memory', state: 'open', problem: null },
  };
  return {
    hello: { version: release, protocol: 1 },
    status: { daemon, profiles: [], next: null },
    login: { profile: 'default', subject: null, expiresAt: '2026-11-25T00:00:00.000Z' },
    unlock: { outcome: 'was_open' },
  };
}

describe('a daemon that an upgrade has left behind', () => {
  for (const args of [['login', '--oauth', '--stdin'], ['unlock'], ['status']]) {
    it(`is named once by ${args.join(' ')}, with the command to renew it`, async () => {
      const daemon = await ScriptedDaemon.start(answering(answersOf('0.0.9')));
      const { stderr, code } = await runCli(args, {
        socket: daemon.socketPath,
        stdin: 'y0_AgAAAABcanary',
        env: { XDG_RUNTIME_DIR: '/nowhere' },
      });
      await daemon.close();
      assert.equal(code, 0, stderr);
      const warnings = stderr.split('\n').filter((line) => line.includes('release'));
      assert.deepEqual(warnings, [
        `iam-token: warning: the daemon is of release 0.0.9, this client of ${version}`,
      ]);
      assert.match(stderr, /hint: iam-token (?:install|stop, then: iam-tokend &)\n/);
    });
  }

  it('is not spoken of where both are of one release', async () => {
    const daemon = await ScriptedDaemon.start(answering(answersOf(version)));
    const { stderr } = await runCli(['unlock'], { socket: daemon.socketPath });
    await daemon.close();
    assert.equal(stderr, '');
  });
});
