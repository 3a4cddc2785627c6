import assert from 'node:assert/strict';
import { oauthSunset } from '../../../../src/sources/kinds/oauth-sunset.ts';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import { respondWith, type Script, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { version } from '../../../../src/shared/version.ts';

const secret = 'y0_AgAAAABcanary';
const hello = { version, protocol: 1 };
const login = { profile: 'default', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };
const status = {
  daemon: {
    version,
    pid: 42,
    startedAt: '2026-11-24T08:00:00.000Z',
    store: { kind: 'keychain', state: 'open', problem: null },
  },
  profiles: [],
  next: null,
};
const acceptingScript: Script = respondWith({ hello, status, login });
const loggedInOutput = 'logged in as aje0ada; IAM token valid until 2026-11-24 22:04';

const oauthInstructions = `Open this page, allow access, and copy the OAuth token:

  https://oauth.yandex.com/authorize?response_type=token&client_id=1a6990aa636648e9b2ef855fa7bec2fb

Note: ${oauthSunset}.

OAuth token (not shown): `;

describe('iam-token login', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(acceptingScript);
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], stdin: string | Buffer) =>
    runCli(['login', ...args], { socket: daemon.socketPath, stdin });
  const calledMethods = (): readonly string[] => daemon.requests.map(({ method }) => method);
  const loginParams = (): unknown => daemon.requests.find(({ method }) => method === 'login')?.params;

  it('calls hello, then sends one line of stdin', async () => {
    assert.deepEqual(await run(['--stdin'], `${secret}\n`), {
      stdout: `${loggedInOutput}\n`,
      stderr: '',
      code: 0,
    });
    assert.deepEqual(daemon.requests[0]?.params, { version });
    assert.deepEqual(calledMethods(), ['hello', 'status', 'login']);
    assert.deepEqual(loginParams(), { kind: 'oauth', secret });
  });

  for (const [what, stdin] of [
    ['without an end', secret],
    ['that ends as on Windows', `${secret}\r\n`],
    ['followed by others', `${secret}\nsomething\nelse\n`],
    ['with spaces around it', `  ${secret}\t\n`],
  ] as const) {
    it(`accepts a line ${what}`, async () => {
      assert.equal((await run(['--oauth', '--stdin'], stdin)).code, 0);
      assert.deepEqual(loginParams(), { kind: 'oauth', secret });
    });
  }

  it('A7: sends an empty setting to clear it, and prints what the profile keeps', async () => {
    const inherited = {
      impersonateServiceAccountId: 'ajesa',
      cloudId: 'b1gcloud',
      endpoint: 'https://iam.test',
    };
    daemon.setScript(respondWith({ hello, status, login: { ...login, inherited } }));
    const { stdout, stderr, code } = await run(['--stdin', '--folder-id', '', '--endpoint='], secret);
    assert.deepEqual(
      [stdout, stderr, code],
      [
        `${loggedInOutput}\nkept from the previous login: impersonated account ajesa, cloud b1gcloud, endpoint https://iam.test (to clear: --impersonate-service-account-id '', --cloud-id '', --endpoint '')\n`,
        '',
        0,
      ],
    );
    assert.deepEqual(loginParams(), { kind: 'oauth', secret, folderId: '', endpoint: '' });
    assert.equal((await run(['--workload-identity', '', '--token-file', '/x'], '')).code, 2);
  });

  it('sends profile and endpoint if they are given', async () => {
    await run(['--stdin', '--profile', 'work', '--endpoint', 'https://iam.api.yandexcloud.kz'], secret);
    assert.deepEqual(loginParams(), {
      profile: 'work',
      kind: 'oauth',
      secret,
      endpoint: 'https://iam.api.yandexcloud.kz',
    });
  });

  it('prints the profile if the login has no subject', async () => {
    daemon.setScript(respondWith({ hello, status, login: { ...login, subject: null } }));
    const { stdout } = await run(['--stdin'], secret);
    assert.equal(stdout, 'logged in as default; IAM token valid until 2026-11-24 22:04\n');
  });

  it('rejects an empty line', async () => {
    for (const stdin of ['', '\n', ' \r\n']) {
      assert.deepEqual(await run(['--stdin'], stdin), {
        stdout: '',
        stderr: 'iam-token: error: the OAuth token is empty\n',
        code: 2,
      });
    }
    assert.equal(loginParams(), undefined);
  });

  it('rejects a line over 64 KiB', async () => {
    assert.deepEqual(await run(['--stdin'], Buffer.alloc(1_000_000, 'y')), {
      stdout: '',
      stderr: 'iam-token: error: the credential is too long: over 65536 bytes\n',
      code: 2,
    });
    assert.equal(loginParams(), undefined);
  });

  it('rejects a line that does not fit into a frame', async () => {
    const { stderr, code } = await run(['--stdin'], 'y'.repeat(65_500));
    assert.deepEqual([stderr, code], ['iam-token: error: the request is longer than 65536 bytes\n', 2]);
  });

  it('exits with 2 and a hint without a terminal and --stdin', async () => {
    assert.deepEqual(await run(['--oauth'], secret), {
      stdout: '',
      stderr:
        'iam-token: error: cannot prompt for the OAuth token without a terminal\n' +
        'iam-token: hint: iam-token login --stdin < FILE\n',
      code: 2,
    });
    assert.equal(daemon.connectionCount, 0);
  });

  it('exits with 3 before the prompt, without a daemon', async () => {
    const { screen, code } = await runInTerminal(['login'], []);
    assert.equal(code, 3);
    assert.match(screen, /^iam-token: error: iam-tokend is not running \(no socket at /);
    assert.doesNotMatch(screen, /OAuth/);
  });

  it('is refused before the prompt if other users can access the folder of the socket', async () => {
    chmodSync(dirname(daemon.socketPath), 0o755);
    const { screen, code } = await runInTerminal(['login'], [], { socket: daemon.socketPath });
    assert.equal(code, 2);
    assert.match(screen, /^iam-token: error: login is refused on this socket: its folder is not private/);
    assert.deepEqual(calledMethods(), []);
  });

  it("prints the daemon's error, and no secret", async () => {
    daemon.setScript((request, peer) => {
      if (request.method === 'hello') peer.respond(request, hello);
      else if (request.method === 'status') peer.respond(request, status);
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

    const typeAtPrompt = (type: readonly string[], args: readonly string[] = []) =>
      runInTerminal(['login', '--oauth', ...args], [{ expect: prompt, type }], { socket: daemon.socketPath });

    it('prints instructions, prompts without echo, and restores the terminal', async () => {
      const { screen, code, echo } = await typeAtPrompt([...Array.from(secret), '\r']);
      assert.equal(screen, `${oauthInstructions.replaceAll('\n', '\r\n')}\r\n${loggedInOutput}\r\n`);
      assert.equal(code, 0);
      assert.deepEqual(echo, [false, true]);
      assert.deepEqual(loginParams(), { kind: 'oauth', secret });
    });

    const terminalCases: readonly (readonly [string, readonly string[]])[] = [
      ['a paste with a newline', [`${secret}\n`]],
      ['a paste with the line end of Windows', [`${secret}\r\n`]],
      ['a paste within marks', [`\x1b[200~${secret}\x1b[201~`, '\r']],
      ['backspaces', [secret, 'xя', '\x7f', '\b', '\r']],
      ['a line that is erased with Ctrl-U and typed again', ['wrong', '\x15', secret, '\r']],
      ['arrow keys, cut anywhere', [secret, '\x1b', '[', 'A', '\x1bOB', '\r']],
      ['Ctrl-D at the end', [secret, '\x04']],
      ['Ctrl-Z, which does nothing', [secret, '\x1a', '\r']],
    ];
    for (const [what, type] of terminalCases) {
      it(`understands ${what}`, async () => {
        const { code, echo, screen } = await typeAtPrompt(type);
        assert.deepEqual(loginParams(), { kind: 'oauth', secret });
        assert.deepEqual([code, echo], [0, [false, true]]);
        assert.ok(!screen.includes(secret.slice(0, 8)));
      });
    }

    it('exits with 130 on Ctrl-C, sends nothing, and restores the terminal', async () => {
      const { screen, code, echo } = await typeAtPrompt([secret, '\x03']);
      assert.equal(screen, `${oauthInstructions.replaceAll('\n', '\r\n')}\r\n`);
      assert.deepEqual([code, echo], [130, [false, true]]);
      assert.equal(loginParams(), undefined);
    });

    it('exits with 2 on Ctrl-D and Enter without input', async () => {
      for (const key of ['\x04', '\r']) {
        const { screen, code, echo } = await typeAtPrompt([key]);
        assert.ok(screen.endsWith('iam-token: error: the OAuth token is empty\r\n'));
        assert.deepEqual([code, echo], [2, [false, true]]);
      }
      assert.equal(loginParams(), undefined);
    });

    it('restores the terminal when it is killed', async () => {
      const { code, echo } = await runInTerminal(['login', '--oauth'], [{ expect: prompt, signal: 15 }], {
        socket: daemon.socketPath,
      });
      assert.deepEqual([code, echo], [-15, [false, true]]);
    });

    it('prompts without echo with --stdin too', async () => {
      const { code, screen } = await runInTerminal(
        ['login', '--stdin'],
        [{ expect: 'OAuth token: ', type: [secret, '\r'] }],
        { socket: daemon.socketPath },
      );
      assert.equal(screen, `OAuth token: \r\n${loggedInOutput}\r\n`);
      assert.equal(code, 0);
    });

    it('shows what it waits for, with the terminal restored', async () => {
      let answer = (): void => {};
      daemon.setScript((request, peer) => {
        if (request.method === 'hello') peer.respond(request, hello);
        else if (request.method === 'status') peer.respond(request, status);
        else answer = () => peer.respond(request, login);
      });
      const { code, echo } = await runInTerminal(
        ['login', '--oauth'],
        [
          { expect: prompt, type: [`${secret}\r`] },
          { expect: 'iam-token: waiting for the keychain and Yandex Cloud …', perform: () => answer() },
        ],
        { socket: daemon.socketPath },
      );
      assert.deepEqual([code, echo], [0, [false, true, true]]);
    });
  });
});
