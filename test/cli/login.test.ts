import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { runInTerminal } from '../support/pseudo-terminal.ts';
import { runCli } from '../support/run-cli.ts';
import { answering, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';

const secret = 'y0_AgAAAABcanary';
const hello = { version: '0.1.0', protocol: 1 };
const login = { profile: 'default', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };
const status = {
  daemon: {
    version: '0.1.0',
    pid: 42,
    startedAt: '2026-11-24T08:00:00.000Z',
    store: { kind: 'keychain', state: 'open', problem: null },
  },
  profiles: [],
  next: null,
};
const willing: Script = answering({ hello, status, login });
const done = 'logged in as aje0ada; the IAM token lives until 2026-11-24 22:04:05';

const invitation = `Open this page, allow the access, and copy the OAuth token that it shows:

  https://oauth.yandex.com/authorize?response_type=token&client_id=1a6990aa636648e9b2ef855fa7bec2fb

Yandex Cloud refuses OAuth tokens made since 1 June 2026; an older one works until it expires.

OAuth token (not shown): `;

describe('iam-token login', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(willing);
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], stdin: string | Buffer) =>
    runCli(['login', ...args], { socket: daemon.socketPath, stdin });
  const asked = (): readonly string[] => daemon.requests.map(({ method }) => method);
  const given = (): unknown => daemon.requests.find(({ method }) => method === 'login')?.params;

  it('says hello, then hands over one line of stdin', async () => {
    assert.deepEqual(await run(['--stdin'], `${secret}\n`), { stdout: `${done}\n`, stderr: '', code: 0 });
    assert.deepEqual(daemon.requests[0]?.params, { version: '0.1.0' });
    assert.deepEqual(asked(), ['hello', 'status', 'login']);
    assert.deepEqual(given(), { kind: 'oauth', secret });
  });

  for (const [what, stdin] of [
    ['without an end', secret],
    ['that ends as on Windows', `${secret}\r\n`],
    ['followed by others', `${secret}\nsomething\nelse\n`],
    ['with spaces around it', `  ${secret}\t\n`],
  ] as const) {
    it(`takes a line ${what}`, async () => {
      assert.equal((await run(['--oauth', '--stdin'], stdin)).code, 0);
      assert.deepEqual(given(), { kind: 'oauth', secret });
    });
  }

  it('names profile and endpoint where they are given', async () => {
    await run(['--stdin', '--profile', 'work', '--endpoint', 'https://iam.api.yandexcloud.kz'], secret);
    assert.deepEqual(given(), {
      profile: 'work',
      kind: 'oauth',
      secret,
      endpoint: 'https://iam.api.yandexcloud.kz',
    });
  });

  it('calls a login without a subject by its profile', async () => {
    daemon.become(answering({ hello, status, login: { ...login, subject: null } }));
    const { stdout } = await run(['--stdin'], secret);
    assert.equal(stdout, 'logged in as default; the IAM token lives until 2026-11-24 22:04:05\n');
  });

  it('refuses an empty line', async () => {
    for (const stdin of ['', '\n', ' \r\n']) {
      assert.deepEqual(await run(['--stdin'], stdin), {
        stdout: '',
        stderr: 'iam-token: error: no OAuth token was given\n',
        code: 2,
      });
    }
    assert.equal(given(), undefined);
  });

  it('refuses a line of over 64 KB', async () => {
    assert.deepEqual(await run(['--stdin'], Buffer.alloc(1_000_000, 'y')), {
      stdout: '',
      stderr: 'iam-token: error: that is no credential: it has over 65536 bytes\n',
      code: 2,
    });
    assert.equal(given(), undefined);
  });

  it('refuses a line that fits 64 KB and no frame', async () => {
    const { stderr, code } = await run(['--stdin'], 'y'.repeat(65_500));
    assert.deepEqual([stderr, code], ['iam-token: error: a request has at most 65536 bytes\n', 2]);
  });

  it('ends with 2 and a way out where there is neither a terminal nor --stdin', async () => {
    assert.deepEqual(await run([], secret), {
      stdout: '',
      stderr:
        'iam-token: error: there is no terminal to ask for the OAuth token\n' +
        'iam-token: hint: give it on one line of stdin: iam-token login --stdin < FILE\n',
      code: 2,
    });
    assert.equal(daemon.connections, 0);
  });

  it('ends with 3 before it asks, where there is no daemon', async () => {
    const { screen, code } = await runInTerminal(['login'], []);
    assert.equal(code, 3);
    assert.match(screen, /^iam-token: error: nothing listens at /);
    assert.doesNotMatch(screen, /OAuth/);
  });

  it('is refused before it asks, where the folder of the socket is not ours alone', async () => {
    chmodSync(dirname(daemon.socketPath), 0o755);
    const { screen, code } = await runInTerminal(['login'], [], { socket: daemon.socketPath });
    assert.equal(code, 2);
    assert.match(screen, /^iam-token: error: login is refused on a socket whose folder is not yours alone/);
    assert.deepEqual(asked(), []);
  });

  it("ends with the daemon's error, and shows no secret", async () => {
    daemon.become((request, peer) => {
      if (request.method === 'hello') peer.answer(request, hello);
      else if (request.method === 'status') peer.answer(request, status);
      else peer.fail(request, { code: 'login_required', message: 'OAuth token is invalid or expired' });
    });
    assert.deepEqual(await run(['--stdin'], secret), {
      stdout: '',
      stderr: 'iam-token: error: OAuth token is invalid or expired\n',
      code: 4,
    });
  });

  describe('in a terminal', () => {
    const prompt = 'OAuth token (not shown): ';

    const inTerminal = (type: readonly string[], args: readonly string[] = []) =>
      runInTerminal(['login', ...args], [{ expect: prompt, type }], { socket: daemon.socketPath });

    it('invites, asks, shows nothing of what is typed, and puts the terminal back', async () => {
      const { screen, code, echo } = await inTerminal([...Array.from(secret), '\r']);
      assert.equal(screen, `${invitation.replaceAll('\n', '\r\n')}\r\n${done}\r\n`);
      assert.equal(code, 0);
      assert.deepEqual(echo, [false, true]);
      assert.deepEqual(given(), { kind: 'oauth', secret });
    });

    const typed: readonly (readonly [string, readonly string[]])[] = [
      ['a paste with a newline', [`${secret}\n`]],
      ['a paste with the line end of Windows', [`${secret}\r\n`]],
      ['a paste within marks', [`\x1b[200~${secret}\x1b[201~`, '\r']],
      ['backspaces', [secret, 'xя', '\x7f', '\b', '\r']],
      ['a line that is begun anew with Ctrl-U', ['wrong', '\x15', secret, '\r']],
      ['arrow keys, cut anywhere', [secret, '\x1b', '[', 'A', '\x1bOB', '\r']],
      ['Ctrl-D at the end', [secret, '\x04']],
      ['Ctrl-Z, which does nothing', [secret, '\x1a', '\r']],
    ];
    for (const [what, type] of typed) {
      it(`understands ${what}`, async () => {
        const { code, echo, screen } = await inTerminal(type);
        assert.deepEqual(given(), { kind: 'oauth', secret });
        assert.deepEqual([code, echo], [0, [false, true]]);
        assert.ok(!screen.includes(secret.slice(0, 8)));
      });
    }

    it('ends with 130 on Ctrl-C, sends nothing, and puts the terminal back', async () => {
      const { screen, code, echo } = await inTerminal([secret, '\x03']);
      assert.equal(screen, `${invitation.replaceAll('\n', '\r\n')}\r\n`);
      assert.deepEqual([code, echo], [130, [false, true]]);
      assert.equal(given(), undefined);
    });

    it('ends with 2 on Ctrl-D and on Enter, when nothing was typed', async () => {
      for (const key of ['\x04', '\r']) {
        const { screen, code, echo } = await inTerminal([key]);
        assert.ok(screen.endsWith('iam-token: error: no OAuth token was given\r\n'));
        assert.deepEqual([code, echo], [2, [false, true]]);
      }
      assert.equal(given(), undefined);
    });

    it('puts the terminal back when it is killed', async () => {
      const { code, echo } = await runInTerminal(['login'], [{ expect: prompt, signal: 15 }], {
        socket: daemon.socketPath,
      });
      assert.deepEqual([code, echo], [-15, [false, true]]);
    });

    it('hides what is typed for --stdin too', async () => {
      const { code, screen } = await runInTerminal(
        ['login', '--stdin'],
        [{ expect: 'OAuth token: ', type: [secret, '\r'] }],
        { socket: daemon.socketPath },
      );
      assert.equal(screen, `OAuth token: \r\n${done}\r\n`);
      assert.equal(code, 0);
    });

    it('says what it waits for, the terminal put back already', async () => {
      let answer = (): void => {};
      daemon.become((request, peer) => {
        if (request.method === 'hello') peer.answer(request, hello);
        else if (request.method === 'status') peer.answer(request, status);
        else answer = () => peer.answer(request, login);
      });
      const { code, echo } = await runInTerminal(
        ['login'],
        [
          { expect: prompt, type: [`${secret}\r`] },
          { expect: 'iam-token: waiting for the keychain and Yandex Cloud …', act: () => answer() },
        ],
        { socket: daemon.socketPath },
      );
      assert.deepEqual([code, echo], [0, [false, true, true]]);
    });
  });
});
