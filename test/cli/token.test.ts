import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ErrorCode } from '../../src/shared/errors.ts';
import { runInTerminal } from '../support/pseudo-terminal.ts';
import { bundle, cleanEnv, runCli } from '../support/run-cli.ts';
import { answering, failing, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';

const token = {
  token: 't1.9eu-token.signature',
  expiresAt: '2026-11-24T22:04:05.000Z',
  profile: 'work',
  subject: 'aje0ada',
};

describe('iam-token', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({ token }));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { socket: daemon.socketPath, env });

  it('prints the token and a newline, and nothing else', async () => {
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

  const asked: readonly (readonly [readonly string[], Readonly<Record<string, string>>, object])[] = [
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
  for (const [args, env, params] of asked) {
    it(`asks for ${JSON.stringify(params)} when called with ${JSON.stringify([...args, env])}`, async () => {
      assert.equal((await run(args, env)).code, 0);
      assert.deepEqual(daemon.requests[0]?.params, params);
    });
  }

  it('finds the daemon in XDG_RUNTIME_DIR', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iam-tokend-'));
    mkdirSync(join(folder, 'iam-tokend'), { mode: 0o700 });
    const usual = await ScriptedDaemon.start(answering({ token }), join(folder, 'iam-tokend/ipc.sock'));
    try {
      const env = { IAM_TOKEND_SOCKET: '', XDG_RUNTIME_DIR: folder };
      assert.equal((await run([], env)).stdout, `${token.token}\n`);
    } finally {
      await usual.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('goes by --socket before IAM_TOKEND_SOCKET', async () => {
    const { stdout } = await runCli(['--socket', daemon.socketPath]);
    assert.equal(stdout, `${token.token}\n`);
  });

  const codes: readonly (readonly [ErrorCode, number])[] = [
    ['bad_request', 2],
    ['unknown_method', 1],
    ['unsupported_version', 1],
    ['unknown_profile', 7],
    ['login_required', 4],
    ['unavailable', 5],
    ['keychain_locked', 6],
    ['keychain_unavailable', 6],
    ['locked', 6],
    ['too_busy', 5],
    ['internal', 1],
  ];
  for (const [code, exitCode] of codes) {
    it(`ends with ${exitCode} for ${code}, and prints no token`, async () => {
      daemon.become(failing({ code, message: 'something is wrong', hint: 'iam-token mend' }));
      assert.deepEqual(await run([]), {
        stdout: '',
        stderr: 'iam-token: error: something is wrong\niam-token: hint: iam-token mend\n',
        code: exitCode,
      });
    });
  }

  it('warns of a name with our prefix that means nothing, and prints the token all the same', async () => {
    const expected = {
      stdout: `${token.token}\n`,
      stderr: 'iam-token: warning: IAM_TOKEND_PROFIL is set, but there is no such setting\n',
      code: 0,
    };
    const env = { IAM_TOKEND_PROFIL: 'home' };
    assert.deepEqual(await run([], env), expected);
    assert.deepEqual(await run(['--min-ttl', '1m'], env), expected);
    assert.equal((await run(['create-token', '--no-user-output'], env)).stderr, '');
  });

  it('ends with 3 and a hint when nothing listens', async () => {
    assert.deepEqual(await runCli([]), {
      stdout: '',
      stderr:
        'iam-token: error: nothing listens at /nowhere/iam-tokend/ipc.sock\n' +
        "iam-token: hint: iam-tokend --socket '/nowhere/iam-tokend/ipc.sock' &\n",
      code: 3,
    });
  });

  it("ends with 3 when the socket's folder is open to others", async () => {
    const folder = dirname(daemon.socketPath);
    chmodSync(folder, 0o770);
    assert.deepEqual(await run([]), {
      stdout: '',
      stderr:
        `iam-token: error: the socket's folder ${folder} is open to others (mode 0770)\n` +
        `iam-token: hint: chmod 700 '${folder}'\n`,
      code: 3,
    });
    assert.equal(daemon.connections, 0);
  });

  it('ends with 5 when the daemon does not answer within --timeout', async () => {
    daemon.become(() => {});
    assert.deepEqual(await run(['--timeout', '50ms']), {
      stdout: '',
      stderr: 'iam-token: error: the daemon did not answer within 50 ms\niam-token: hint: iam-token status\n',
      code: 5,
    });
  });

  it('ends with 3 when the daemon hangs up', async () => {
    daemon.become((_, peer) => peer.end());
    assert.equal((await run([])).code, 3);
  });

  it('ends with 1 for what is no daemon', async () => {
    daemon.become((_, peer) => peer.raw('220 mail.example ESMTP\r\n\f'));
    const { stdout, stderr, code } = await run([]);
    assert.deepEqual([stdout, code], ['', 1]);
    assert.match(stderr, /^iam-token: error: what answers there does not speak the protocol of iam-tokend/);
  });

  it('shows nothing that would act on a terminal', async () => {
    daemon.become(
      failing({
        code: 'unavailable',
        message: 'a\x1b[31mb\nc\x07\u009b\u202ed',
        hint: 'x\r\x1b]0;title\x07',
      }),
    );
    const { stderr } = await run([]);
    assert.equal(
      stderr,
      'iam-token: error: a\\u{1b}[31mb\\u{a}c\\u{7}\\u{9b}\\u{202e}d\niam-token: hint: x\\u{d}\\u{1b}]0;title\\u{7}\n',
    );
    daemon.become(answering({ token: { ...token, profile: 'a\x1b\u009b\u202e\u{e0001}' } }));
    const { stdout } = await run(['--format', 'json']);
    assert.match(stdout, /"profile":"a\\u001b\\u009b\\u202e\\udb40\\udc01"/);
    assert.equal((JSON.parse(stdout) as typeof token).profile, 'a\x1b\u009b\u202e\u{e0001}');
  });

  const warned: Script = answering({
    token: {
      ...token,
      warning: { code: 'login_required', message: 'the OAuth token was revoked', hint: 'iam-token login' },
    },
  });
  const warning = 'iam-token: warning: the OAuth token was revoked\r\niam-token: hint: iam-token login\r\n';

  it("passes on the daemon's warning to a terminal, and to nobody else", async () => {
    daemon.become(warned);
    assert.deepEqual(await run([]), { stdout: `${token.token}\n`, stderr: '', code: 0 });
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

  it('says on a terminal what it waits for, and takes that back', async () => {
    let answer = (): void => {};
    daemon.become((request, peer) => {
      answer = () => peer.answer(request, token);
    });
    const waiting = 'iam-token: waiting for a token …';
    const { screen, code } = await runInTerminal([], [{ expect: waiting, act: () => answer() }], {
      socket: daemon.socketPath,
    });
    assert.deepEqual([screen, code], [`${waiting}\r\x1b[K${token.token}\r\n`, 0]);
  });

  it('ends quietly when nobody reads what it prints', async () => {
    const child = spawn(process.execPath, [bundle], { env: cleanEnv({ socket: daemon.socketPath }) });
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece.toString();
    });
    daemon.become((request, peer) => {
      child.stdout.once('close', () => peer.answer(request, token));
      child.stdout.destroy();
    });
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    assert.deepEqual([code, stderr], [141, '']);
  });

  it('says so when its output cannot be written', async () => {
    if (process.platform !== 'linux') return;
    const child = spawn('sh', ['-c', '"$0" "$1" > /dev/full', process.execPath, bundle], {
      env: cleanEnv({ socket: daemon.socketPath }),
    });
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece.toString();
    });
    const code = await new Promise((resolve) => {
      child.once('close', resolve);
    });
    assert.equal(code, 1);
    assert.match(stderr, /^iam-token: error: cannot write the output: ENOSPC/);
  });

  it('writes all of it into a pipe that is full and does not block', async () => {
    const profiles = Array.from({ length: 200 }, (_, index) => ({
      profile: `${index}`.padStart(60, 'x'),
      isDefault: false,
      kind: 'oauth',
    }));
    daemon.become((request, peer) => {
      const { after } = request.params as { readonly after?: string };
      const from = after === undefined ? 0 : Number(after) + 1;
      const next = from + 19 < 1_999 ? `${from + 19}` : null;
      peer.answer(request, { profiles: profiles.slice(from % 200, (from % 200) + 20), next });
    });
    const reader = spawn('python3', [
      '-c',
      `import os, subprocess, sys, time
reader, writer = os.pipe()
os.set_blocking(writer, False)
child = subprocess.Popen(sys.argv[1:], stdout=writer)
os.close(writer)
time.sleep(0.5)
whole = b''
while piece := os.read(reader, 8192):
    whole += piece
print(len(whole), child.wait())
`,
      process.execPath,
      bundle,
      'profiles',
      '--json',
      '--socket',
      daemon.socketPath,
    ]);
    let said = '';
    reader.stdout.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    await new Promise((resolve) => {
      reader.once('close', resolve);
    });
    const length = JSON.stringify({ profiles: Array.from({ length: 10 }, () => profiles).flat() }).length + 1;
    assert.ok(length > 100_000);
    assert.equal(said, `${length} 0\n`);
  });
});
