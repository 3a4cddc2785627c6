import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { type Shell, formatAssignments } from '../../../../src/cli/commands/programs/env.ts';
import { runClient } from '../../../support/native/native-clients.ts';
import { buildCleanEnv, clientBundle, runCli } from '../../../support/processes/run-cli.ts';
import { createStatusResult, createTokenResult } from '../../../support/daemon/scripted-results.ts';
import { respondWith, failWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';

/** Everything that a shell could expand. */
const specialCharacters = String.raw`a'b"c$(touch x)${'`'}d\e\'f${'\n'}g;h&i|j>k #l !m %n ~o *p ${'\u2019'}q`;
const token = createTokenResult(12 * 60 * 60_000);

describe('iam-token env', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(
      respondWith({ token, ...createStatusResult({ folderId: 'b1gfolder' }) }),
    );
  });
  afterEach(() => daemon.close());

  const env = (...args: readonly string[]) => runCli(['env', ...args], { socket: daemon.socketPath });

  it('prints the syntax of sh by default', async () => {
    const { stdout, stderr, code } = await env();
    assert.deepEqual([stderr, code], ['', 0]);
    assert.equal((await env('--shell', 'sh')).stdout, stdout);
    const environmentLines = execFileSync('sh', ['-c', `${stdout}\nenv | grep -E '^(YC|IAM)_' | sort`], {
      encoding: 'utf8',
    });
    const { token: value } = token;
    assert.equal(
      environmentLines,
      `IAM_TOKEN=${value}\nYC_FOLDER_ID=b1gfolder\nYC_IAM_TOKEN=${value}\nYC_TOKEN=${value}\n`,
    );
  });

  it('says nothing of a token shorter than --min-ttl with --no-user-output', async () => {
    const hourMs = 60 * 60_000;
    const shortToken = createTokenResult(2 * hourMs);
    daemon.setScript((request, peer) => {
      const { minTtlMs = 0 } = request.params as { readonly minTtlMs?: number };
      if (minTtlMs > 2 * hourMs) peer.fail(request, { code: 'unavailable', message: 'too short' });
      else respondWith({ token: shortToken, ...createStatusResult({}) })(request, peer);
    });
    for (const minTtl of ['2h', '6h']) {
      assert.match((await env('--min-ttl', minTtl)).stderr, /^iam-token: .*the token is valid for /);
      const { stdout, stderr } = await env('--min-ttl', minTtl, '--no-user-output');
      assert.deepEqual([stdout.includes(shortToken.token), stderr], [true, '']);
    }
  });

  it('B11: removes the tokens of an outer shell with --metadata-only', async () => {
    daemon.setScript(respondWith(createStatusResult({}, { metadataAddress: '127.0.0.1:8099' })));
    for (const shell of ['sh', 'bash', 'zsh']) {
      const { stdout } = await env('--metadata-only', '--shell', shell);
      const script = `${stdout}\nenv | grep -E '^(YC|IAM)_'`;
      const { stdout: lines } = spawnSync('sh', ['-c', script], {
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'],
          YC_TOKEN: 't1.outer',
          YC_IAM_TOKEN: 't1.outer',
          IAM_TOKEN: 't1.outer',
        },
      });
      assert.equal(lines, 'YC_METADATA_ADDR=127.0.0.1:8099\n');
    }
    assert.match((await env('--metadata-only', '--shell', 'fish')).stdout, /^set -e YC_TOKEN$/m);
    assert.match(
      (await env('--metadata-only', '--shell', 'powershell')).stdout,
      /^Remove-Item -ErrorAction Ignore Env:YC_TOKEN$/m,
    );
  });

  describe('without a token', () => {
    beforeEach(() => daemon.setScript(failWith({ code: 'locked', message: 'the daemon is locked' })));

    for (const [shell, failure] of [
      ['sh', 'false'],
      ['bash', 'false'],
      ['zsh', 'false'],
      ['fish', 'false'],
      ['powershell', "Write-Error 'iam-token: no token'"],
    ] as const)
      it(`18.7: prints only a command that fails, for ${shell}`, async () => {
        const { stdout, stderr, code } = await env(`--shell=${shell}`);
        assert.deepEqual([stdout, code], [`${failure}\n`, 6]);
        assert.equal(stderr, 'iam-token: error: the daemon is locked\n');
      });

    for (const [what, args, reason] of [
      ['without a token', '', 'the daemon is locked'],
      ['without a daemon', '--socket /nowhere/ipc.sock', 'not running'],
      ['after a wrong option', '--sheel bash', 'unknown option'],
      ['after a wrong value', '--min-ttl soon --shell nope', 'invalid value'],
      ['after a wrong argument', 'nope', 'unexpected argument'],
    ] as const)
      it(`18.7: ends a script with set -e ${what}`, async () => {
        const client = `"${process.execPath}" "${clientBundle}"`;
        const script = `set -e; eval "$(${client} env ${args})"; echo reached`;
        const { stdout, stderr, code } = await runClient(['/bin/sh', '-c', script], [], {
          env: buildCleanEnv({ socket: daemon.socketPath }),
        });
        assert.deepEqual([stdout, code], ['', 1]);
        assert.match(stderr, new RegExp(`^iam-token: error: .*${reason}`));
      });

    it('18.7: ends a script with set -e at exec', async () => {
      const client = `"${process.execPath}" "${clientBundle}"`;
      const script = `set -e; ${client} exec -- true; echo reached`;
      const { stdout, code } = await runClient(['/bin/sh', '-c', script], [], {
        env: buildCleanEnv({ socket: daemon.socketPath }),
      });
      assert.deepEqual([stdout, code], ['', 6]);
    });
  });

  for (const shell of ['sh', 'dash', 'bash', 'fish']) {
    it(`quotes any value for ${shell}`, function () {
      const language: Shell = shell === 'fish' ? 'fish' : 'sh';
      const text = `${formatAssignments(language, { A: specialCharacters, B: '', C: '\\' })}\nprintf '%s|' "$A" "$B" "$C"`;
      const { stdout, stderr, error } = spawnSync(shell, ['-c', text], { encoding: 'utf8' });
      if (error !== undefined) this.skip();
      assert.deepEqual([stdout, stderr], [`${specialCharacters}||\\|`, '']);
    });
  }

  it('quotes for PowerShell by doubling every kind of single quote', () => {
    assert.equal(
      formatAssignments('powershell', { A: "a'b\u2019c\u2018d\u201be$(f)`g" }),
      "$env:A = 'a''b\u2019\u2019c\u2018\u2018d\u201b\u201be$(f)`g'",
    );
    assert.equal(formatAssignments('powershell', { A: 'a', B: 'b' }), "$env:A = 'a'\n$env:B = 'b'");
  });
});
