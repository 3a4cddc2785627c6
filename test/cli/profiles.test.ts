import assert from 'node:assert/strict';
import { runInTerminal } from '../support/pseudo-terminal.ts';
import { runCli } from '../support/run-cli.ts';
import { answering, failing, ScriptedDaemon } from '../support/scripted-daemon.ts';

const renewed = { profile: 'work', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };

describe('the commands for profiles', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({}));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { socket: daemon.socketPath, env });

  it('logout says which profile it was', async () => {
    daemon.become(answering({ logout: { profile: 'work' } }));
    assert.deepEqual(await run(['logout']), { stdout: 'logged out of work\n', stderr: '', code: 0 });
    await run(['logout', '--profile', 'work']);
    await run(['logout'], { IAM_TOKEND_PROFILE: 'home' });
    assert.deepEqual(
      daemon.requests.map(({ params }) => params),
      [{}, { profile: 'work' }, { profile: 'home' }],
    );
  });

  describe('logout --revoke', () => {
    const loggedOut = async (answer: object) => {
      daemon.become(answering({ logout: { profile: 'work', ...answer } }));
      const { stdout, stderr, code } = await run(['logout', '--revoke']);
      assert.equal(code, 0);
      assert.deepEqual(daemon.requests[0]?.params, { revoke: true });
      return { stdout, stderr };
    };

    it('says that the IAM token is revoked', async () => {
      assert.deepEqual(await loggedOut({ tokenRevoked: true, left: [] }), {
        stdout: 'logged out of work; its IAM token is revoked\n',
        stderr: '',
      });
    });

    it('says what stays valid, and how to end it', async () => {
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
      assert.deepEqual(await loggedOut({ tokenRevoked: true, left }), {
        stdout: 'logged out of work; its IAM token is revoked\n',
        stderr,
      });
      assert.deepEqual(await loggedOut({ tokenRevoked: false, left }), {
        stdout: 'logged out of work; not all is revoked\n',
        stderr,
      });
    });

    it('says that there was nothing to revoke, and that the daemon revokes nothing', async () => {
      assert.equal(
        (await loggedOut({ tokenRevoked: false, left: [] })).stdout,
        'logged out of work; it had no living IAM token\n',
      );
      assert.equal(
        (await loggedOut({})).stdout,
        'logged out of work; the daemon is of a release that revokes nothing\n',
      );
    });
  });

  it('refresh says until when the new token lives', async () => {
    daemon.become(answering({ refresh: renewed }));
    assert.deepEqual(await run(['refresh', '--profile', 'work']), {
      stdout: 'renewed work; the IAM token lives until 2026-11-24 22:04:05\n',
      stderr: '',
      code: 0,
    });
    assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
  });

  it('refresh says on a terminal what it waits for', async () => {
    let answer = (): void => {};
    daemon.become((request, peer) => {
      answer = () => peer.answer(request, renewed);
    });
    const waiting = 'iam-token: waiting for Yandex Cloud to renew the token …';
    const { screen } = await runInTerminal(['refresh'], [{ expect: waiting, act: () => answer() }], {
      socket: daemon.socketPath,
    });
    assert.equal(screen, `${waiting}\r\x1b[Krenewed work; the IAM token lives until 2026-11-24 22:04:05\r\n`);
  });

  it('use makes a profile the default one', async () => {
    daemon.become(answering({ use: { profile: 'work' } }));
    assert.deepEqual(await run(['use', 'work']), {
      stdout: 'work is the default profile now\n',
      stderr: '',
      code: 0,
    });
    assert.deepEqual(daemon.requests[0]?.params, { profile: 'work' });
  });

  it('use takes a name that looks like an option after --', async () => {
    daemon.become(answering({ use: ({ profile }: { readonly profile: string }) => ({ profile }) }));
    assert.equal((await run(['use', '--', '--help'])).stdout, '--help is the default profile now\n');
  });

  it('use ends with 7 for a profile that there is not', async () => {
    daemon.become(
      failing({ code: 'unknown_profile', message: 'there is no profile "x"', hint: 'iam-token profiles' }),
    );
    assert.deepEqual(await run(['use', 'x']), {
      stdout: '',
      stderr: 'iam-token: error: there is no profile "x"\niam-token: hint: iam-token profiles\n',
      code: 7,
    });
  });

  describe('profiles', () => {
    const work = { profile: 'work', isDefault: true, kind: 'oauth' };
    const a = { profile: 'a', isDefault: false, kind: 'metadata' };
    const evil = { profile: 'e\u202evil', isDefault: false, kind: 'oauth' };

    it('lists them, and marks the default one', async () => {
      daemon.become(answering({ profiles: { profiles: [a, evil, work], next: null } }));
      assert.deepEqual(await run(['profiles']), {
        stdout: '  a             metadata\n  e\\u{202e}vil  oauth\n* work          oauth\n',
        stderr: '',
        code: 0,
      });
    });

    it('prints one line of JSON with --json', async () => {
      daemon.become(answering({ profiles: { profiles: [a, work], next: null } }));
      assert.equal(
        (await run(['profiles', '--json'])).stdout,
        `${JSON.stringify({ profiles: [a, work] })}\n`,
      );
    });

    it('asks for all pages', async () => {
      daemon.become(
        answering({
          profiles: ({ after }: { readonly after?: string }) =>
            after === undefined ? { profiles: [a], next: 'a' } : { profiles: [work], next: null },
        }),
      );
      assert.equal(
        (await run(['profiles', '--json'])).stdout,
        `${JSON.stringify({ profiles: [a, work] })}\n`,
      );
      assert.deepEqual(
        daemon.requests.map(({ params }) => params),
        [{}, { after: 'a' }],
      );
    });

    it('ends though the pages lead in a circle', async () => {
      daemon.become(answering({ profiles: { profiles: [a], next: 'a' } }));
      assert.equal((await run(['profiles', '--timeout', '5s'])).code, 0);
      assert.equal(daemon.requests.length, 2);
    });

    it('says how to get one where there is none', async () => {
      daemon.become(answering({ profiles: { profiles: [], next: null } }));
      assert.deepEqual(await run(['profiles']), {
        stdout: '',
        stderr: 'iam-token: there are no profiles yet\niam-token: hint: iam-token login\n',
        code: 0,
      });
      assert.equal((await run(['profiles', '--json'])).stdout, '{"profiles":[]}\n');
    });
  });
});
