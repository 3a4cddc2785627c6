import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { type Shell, shellText } from '../../src/cli/env.ts';
import { runCli } from '../support/run-cli.ts';
import { daemonOf, tokenOf } from '../support/scripted-answers.ts';
import { answering, failing, ScriptedDaemon } from '../support/scripted-daemon.ts';

/** All that a shell could read something into. */
const nasty = String.raw`a'b"c$(touch x)${'`'}d\e\'f${'\n'}g;h&i|j>k #l !m %n ~o *p ${'\u2019'}q`;
const token = tokenOf(12 * 60 * 60_000);

describe('iam-token env', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({ token, ...daemonOf({ folderId: 'b1gfolder' }) }));
  });
  afterEach(() => daemon.close());

  const env = (...args: readonly string[]) => runCli(['env', ...args], { socket: daemon.socketPath });

  it('prints what sh evaluates, unless another shell is named', async () => {
    const { stdout, stderr, code } = await env();
    assert.deepEqual([stderr, code], ['', 0]);
    assert.equal((await env('--shell', 'sh')).stdout, stdout);
    const said = execFileSync('sh', ['-c', `${stdout}\nenv | grep -E '^(YC|IAM)_' | sort`], {
      encoding: 'utf8',
    });
    const { token: value } = token;
    assert.equal(
      said,
      `IAM_TOKEN=${value}\nYC_FOLDER_ID=b1gfolder\nYC_IAM_TOKEN=${value}\nYC_TOKEN=${value}\n`,
    );
  });

  it('prints nothing for a shell to read where there is no token', async () => {
    daemon.become(failing({ code: 'locked', message: 'the daemon is locked', hint: 'iam-token unlock' }));
    const { stdout, stderr, code } = await env('--shell=fish');
    assert.deepEqual([stdout, code], ['', 6]);
    assert.match(stderr, /^iam-token: error: the daemon is locked\n/);
  });

  for (const shell of ['sh', 'dash', 'bash', 'fish']) {
    it(`quotes for ${shell} whatever there may be in a value`, function () {
      const language: Shell = shell === 'fish' ? 'fish' : 'sh';
      const text = `${shellText(language, { A: nasty, B: '', C: '\\' })}\nprintf '%s|' "$A" "$B" "$C"`;
      const { stdout, stderr, error } = spawnSync(shell, ['-c', text], { encoding: 'utf8' });
      if (error !== undefined) this.skip();
      assert.deepEqual([stdout, stderr], [`${nasty}||\\|`, '']);
    });
  }

  it('quotes for PowerShell by its rule: every kind of single quote is doubled, and nothing else is special', () => {
    assert.equal(
      shellText('powershell', { A: "a'b\u2019c\u2018d\u201be$(f)`g" }),
      "$env:A = 'a''b\u2019\u2019c\u2018\u2018d\u201b\u201be$(f)`g'",
    );
    assert.equal(shellText('powershell', { A: 'a', B: 'b' }), "$env:A = 'a'\n$env:B = 'b'");
  });
});
