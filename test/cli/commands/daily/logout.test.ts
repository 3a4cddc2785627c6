import assert from 'node:assert/strict';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

describe('iam-token logout', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({}));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { socket: daemon.socketPath, env });

  it('names the profile that it has logged out', async () => {
    daemon.setScript(respondWith({ logout: { profile: 'work' } }));
    assert.deepEqual(await run(['logout']), { stdout: 'logged out of work\n', stderr: '', code: 0 });
    await run(['logout', '--profile', 'work']);
    await run(['logout'], { IAM_TOKEND_PROFILE: 'home' });
    assert.deepEqual(
      daemon.requests.map(({ params }) => params),
      [{}, { profile: 'work' }, { profile: 'home' }],
    );
  });

  describe('--revoke', () => {
    const runLogoutWith = async (answer: object) => {
      daemon.setScript(respondWith({ logout: { profile: 'work', ...answer } }));
      const { stdout, stderr, code } = await run(['logout', '--revoke']);
      assert.equal(code, 0);
      assert.deepEqual(daemon.requests[0]?.params, { revoke: true });
      return { stdout, stderr };
    };

    it('reports that the IAM token is revoked', async () => {
      assert.deepEqual(await runLogoutWith({ tokenRevoked: true, left: [] }), {
        stdout: 'logged out of work; its IAM token is revoked\n',
        stderr: '',
      });
    });

    it('reports what stays valid, and how to revoke that', async () => {
      const left = [
        { message: 'the authorized key ajekey is still valid', hint: 'yc iam key delete ajekey' },
        { message: 'this\x1b[2J too', hint: 'a page\nand a command' },
      ];
      const stderr =
        'iam-token: the authorized key ajekey is still valid\n' +
        'iam-token: hint: yc iam key delete ajekey\n' +
        'iam-token: this\\u{1b}[2J too\n' +
        'iam-token: hint: a page\n' +
        'iam-token: hint: and a command\n';
      assert.deepEqual(await runLogoutWith({ tokenRevoked: true, left }), {
        stdout: 'logged out of work; its IAM token is revoked\n',
        stderr,
      });
      assert.deepEqual(await runLogoutWith({ tokenRevoked: false, left }), {
        stdout: 'logged out of work; not everything was revoked\n',
        stderr,
      });
    });

    it('reports that there was nothing to revoke, and that the daemon cannot revoke', async () => {
      assert.equal(
        (await runLogoutWith({ tokenRevoked: false, left: [] })).stdout,
        'logged out of work; it had no valid IAM token\n',
      );
      assert.equal(
        (await runLogoutWith({})).stdout,
        'logged out of work; this version of the daemon cannot revoke tokens\n',
      );
    });
  });
});
