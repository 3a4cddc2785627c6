import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  failWith,
  respondWith,
  type Script,
  ScriptedDaemon,
} from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal } from '../../../support/processes/pseudo-terminal.ts';
import { createTokenResult } from '../../../support/daemon/scripted-results.ts';
import { runCli } from '../../../support/processes/run-cli.ts';

const token = { ...createTokenResult(0), expiresAt: '2026-11-24T22:04:05.000Z' };

describe('iam-token', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(respondWith({ token }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { socket: daemon.socketPath, env });

  it('prints the token and a newline', async () => {
    assert.deepEqual(await run([]), { stdout: 't1.9eu-token.signature\n', stderr: '', code: 0 });
    assert.deepEqual(daemon.requests, [{ v: 1, id: 1, method: 'token', params: {} }]);
  });

  const formats: readonly (readonly [string, readonly string[], string])[] = [
    ['the token with --format text', ['--format', 'text'], token.token],
    ['all that is known with --format json', ['--format=json'], JSON.stringify(token)],
    ['a header with --format header', ['--format', 'header'], `Authorization: Bearer ${token.token}`],
    ['the same for create-token', ['create-token'], token.token],
    [
      "yc's JSON for create-token --format json",
      ['create-token', '--format', 'json'],
      `{"iam_token":"${token.token}","expires_at":"${token.expiresAt}"}`,
    ],
    [
      "yc's YAML for create-token --format=yaml",
      ['create-token', '--format=yaml'],
      `iam_token: ${token.token}\nexpires_at: "${token.expiresAt}"`,
    ],
  ];
  for (const [what, args, expected] of formats) {
    it(`prints ${what}`, async () => {
      assert.deepEqual(await run(args), { stdout: `${expected}\n`, stderr: '', code: 0 });
    });
  }

  it('prints nothing with --format none, and has the exit code of the token', async () => {
    assert.deepEqual(await run(['--format', 'none']), { stdout: '', stderr: '', code: 0 });
    daemon.setScript(failWith({ code: 'login_required', message: 'no credential' }));
    const { stdout, code } = await run(['--format', 'none']);
    assert.deepEqual([stdout, code], ['', 4]);
  });

  for (const value of [
    't1."x',
    't1.a:b',
    "'t1.a'",
    '#t1',
    '&t1.a',
    'null',
    '0x1.8',
    't1.a:',
    '@t1',
    '1e3',
    String.raw`t1.\x`,
  ]) {
    it(`D9: create-token --format yaml prints the token ${value} so that YAML reads it back`, async () => {
      daemon.setScript(respondWith({ token: { ...token, token: value } }));
      const { stdout } = await run(['create-token', '--format', 'yaml']);
      for (const version of ['1.1', '1.2'] as const)
        assert.deepEqual(parse(stdout, { version }), { iam_token: value, expires_at: token.expiresAt });
    });
  }

  for (const [extraMs, note] of [
    [5 * 60_000, ''],
    [-10_000, 'iam-token: the token is valid for 11 h 59 min, a little less than the requested 12 h\n'],
    [-5 * 60_000, ''],
  ] as const) {
    it(`C8: ${note === '' ? 'prints no note' : 'notes on stderr'} if a token lives ${extraMs / 1_000} s longer than requested`, async () => {
      const expiresAt = new Date(Date.now() + 12 * 60 * 60_000 + extraMs).toISOString();
      daemon.setScript(respondWith({ token: { ...token, expiresAt } }));
      const { stdout, stderr, code } = await run(['--min-ttl', '12h']);
      assert.deepEqual([stdout, stderr, code], [`${token.token}\n`, note, 0]);
    });
  }

  const requestCases: readonly (readonly [readonly string[], Readonly<Record<string, string>>, object])[] = [
    [['--profile', 'work'], {}, { profile: 'work' }],
    [['--profile=--help'], {}, { profile: '--help' }],
    [[], { IAM_TOKEND_PROFILE: 'home' }, { profile: 'home' }],
    [['--profile', 'work'], { IAM_TOKEND_PROFILE: 'home' }, { profile: 'work' }],
    [['--min-ttl', '10m'], {}, { minTtlMs: 600_000 }],
    [['--min-ttl', '90'], {}, { minTtlMs: 90_000 }],
    [['--min-ttl=12h', '--profile', 'ж'], {}, { profile: 'ж', minTtlMs: 43_200_000 }],
    [
      ['create-token', '--profile', 'work', '--folder-id=b1g', '--cloud-id', 'b1g', '--no-user-output'],
      {},
      { profile: 'work' },
    ],
    [['create-token'], { IAM_TOKEND_PROFILE: 'home' }, { profile: 'home' }],
    [
      ['create-token', '--impersonate-service-account-id', 'ajesa'],
      {},
      { impersonateServiceAccountId: 'ajesa' },
    ],
    [
      ['create-token', '--impersonate-service-account-id=ajesa', '--profile=work'],
      {},
      { profile: 'work', impersonateServiceAccountId: 'ajesa' },
    ],
  ];
  for (const [args, env, params] of requestCases) {
    it(`requests ${JSON.stringify(params)} when called with ${JSON.stringify([...args, env])}`, async () => {
      assert.equal((await run(args, env)).code, 0);
      assert.deepEqual(daemon.requests[0]?.params, params);
    });
  }

  it('finds the daemon in XDG_RUNTIME_DIR', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
    mkdirSync(join(folder, 'iam-tokend'), { mode: 0o700 });
    const defaultDaemon = await ScriptedDaemon.start(
      respondWith({ token }),
      join(folder, 'iam-tokend/ipc.sock'),
    );
    try {
      const env = { IAM_TOKEND_SOCKET: '', XDG_RUNTIME_DIR: folder };
      assert.equal((await run([], env)).stdout, `${token.token}\n`);
    } finally {
      await defaultDaemon.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('prefers --socket to IAM_TOKEND_SOCKET', async () => {
    const { stdout } = await runCli(['--socket', daemon.socketPath]);
    assert.equal(stdout, `${token.token}\n`);
  });

  const warningScript: Script = respondWith({
    token: {
      ...token,
      warning: { code: 'login_required', message: 'the OAuth token was revoked', hint: 'iam-token login' },
    },
  });
  const warning = 'iam-token: warning: the OAuth token was revoked\r\niam-token: hint: iam-token login\r\n';

  const respondWithWarning = (warned: object): Script =>
    respondWith({
      token: { ...token, warning: { code: 'login_required', message: 'it was revoked' }, ...warned },
    });

  it('18.6: prints the warning that renewal has ended without a terminal, unless the session has had it', async () => {
    const { token: value } = token;
    for (const args of [[], ['--profile=work'], ['create-token']]) {
      for (const warned of [{}, { warned: false }]) {
        daemon.setScript(respondWithWarning(warned));
        assert.deepEqual(await run(args), {
          stdout: `${value}\n`,
          stderr: 'iam-token: warning: it was revoked\n',
          code: 0,
        });
      }
      daemon.setScript(respondWithWarning({ warned: true }));
      assert.deepEqual(await run(args), { stdout: `${value}\n`, stderr: '', code: 0 });
    }
  });

  it('18.6: names its session to the daemon, with the second request only', async () => {
    daemon.setScript(respondWithWarning({ warned: true }));
    const listSessions = async (): Promise<readonly unknown[]> => {
      daemon.requests.length = 0;
      await run(['--min-ttl', '1h']);
      return daemon.requests.map(({ params = {} }) => (params as { readonly session?: unknown }).session);
    };
    const [first, session, ...others] = await listSessions();
    assert.deepEqual([first, others], [undefined, []]);
    assert.match(String(session), /^session \d+ \d*$/);
    assert.equal((await listSessions())[1], session);
  });

  it('18.6: prints no warning with --no-user-output, and does not ask the daemon again', async () => {
    daemon.setScript(respondWithWarning({}));
    for (const args of [['--no-user-output'], ['create-token', '--no-user-output']]) {
      daemon.requests.length = 0;
      assert.deepEqual(await run(args), { stdout: `${token.token}\n`, stderr: '', code: 0 });
      assert.equal(daemon.requests.length, 1);
    }
    const { socketPath: socket } = daemon;
    assert.equal((await runInTerminal(['--no-user-output'], [], { socket })).screen, `${token.token}\r\n`);
  });

  it("prints the daemon's warning on a terminal", async () => {
    daemon.setScript(warningScript);
    const socket = daemon.socketPath;
    assert.equal((await runInTerminal([], [], { socket })).screen, `${token.token}\r\n${warning}`);
    assert.equal(
      (await runInTerminal(['--profile', 'work'], [], { socket })).screen,
      `${token.token}\r\n${warning}`,
    );
    assert.equal(
      (await runInTerminal(['create-token', '--no-user-output'], [], { socket })).screen,
      `${token.token}\r\n`,
    );
  });
});
