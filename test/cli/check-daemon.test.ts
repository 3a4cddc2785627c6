import assert from 'node:assert/strict';
import type { DaemonStatus } from '../../src/protocol/method-types.ts';
import { version } from '../../src/shared/version.ts';
import { runCli } from '../support/processes/run-cli.ts';
import { respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';

function resultsForVersion(release: string): Parameters<typeof respondWith>[0] {
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

describe('a daemon older than the client', () => {
  for (const args of [['login', '--oauth', '--stdin'], ['unlock'], ['status']]) {
    it(`causes one warning from ${args.join(' ')}, with the command to upgrade it`, async () => {
      const daemon = await ScriptedDaemon.start(respondWith(resultsForVersion('0.0.9')));
      const { stderr, code } = await runCli(args, {
        socket: daemon.socketPath,
        stdin: 'y0_AgAAAABcanary',
        env: { XDG_RUNTIME_DIR: '/nowhere' },
      });
      await daemon.close();
      assert.equal(code, 0, stderr);
      const warnings = stderr.split('\n').filter((line) => line.includes('version'));
      assert.deepEqual(warnings, [
        `iam-token: warning: the daemon is version 0.0.9, this client is version ${version}`,
      ]);
      assert.match(stderr, /hint: iam-token (?:install|stop; iam-tokend &)\n/);
    });
  }

  const key = ['--service-account-key', '-', '--replace-key', '--yes'];
  for (const release of ['0.0.9', '0.1.12', '0.1.0-beta.1']) {
    it(`19.6: of version ${release} gets no credential that it would not replace`, async () => {
      const daemon = await ScriptedDaemon.start(respondWith(resultsForVersion(release)));
      const { stderr, code } = await runCli(['login', ...key], { socket: daemon.socketPath, stdin: '{}' });
      await daemon.close();
      assert.equal(code, 1);
      const sentence = `error: the running daemon is version ${release} and does not support --replace-key\n`;
      assert.ok(stderr.includes(sentence), stderr);
      assert.ok(daemon.requests.every(({ method }) => method !== 'login'));
    });
  }

  it('19.6: is not a daemon of a later release', async () => {
    for (const release of ['0.2.0', '0.10.0', '1.0.0']) {
      const daemon = await ScriptedDaemon.start(respondWith(resultsForVersion(release)));
      const { stderr } = await runCli(['login', ...key], { socket: daemon.socketPath, stdin: '{}' });
      await daemon.close();
      assert.doesNotMatch(stderr, /does not support --replace-key/);
    }
  });

  it('causes no warning if both have the same version', async () => {
    const daemon = await ScriptedDaemon.start(respondWith(resultsForVersion(version)));
    const { stderr } = await runCli(['unlock'], { socket: daemon.socketPath });
    await daemon.close();
    assert.equal(stderr, '');
  });
});
