import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { formatHintText } from '../../src/cli/socket-line.ts';
import { processContext } from '../../src/platform/process-context.ts';
import { daemonHint, type Hint } from '../../src/shared/hint.ts';
import { failWith, respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createStatusResult } from '../support/daemon/scripted-results.ts';
import { runCli } from '../support/processes/run-cli.ts';

describe('a hint after --socket PATH', () => {
  const formatOn = (platform: NodeJS.Platform, hint: Hint, socketPath: string | undefined = '/s') =>
    formatHintText(hint, { socketPath, processContext: { ...processContext(), platform } });
  const unlockHint = daemonHint('iam-token unlock');

  it('follows a line that leads its commands to that daemon', () => {
    assert.equal(formatOn('linux', unlockHint), 'export IAM_TOKEND_SOCKET=/s\niam-token unlock');
    assert.equal(formatOn('linux', { command: 'login' }), 'export IAM_TOKEND_SOCKET=/s\niam-token login');
    assert.equal(
      formatOn('linux', ['first', unlockHint, 'last']),
      'export IAM_TOKEND_SOCKET=/s\nfirst\niam-token unlock\nlast',
    );
  });

  it('has no such line if it calls no daemon, or without the option', () => {
    for (const hint of ['chmod 600 key.json', ['iam-token exec --help', 'iam-token install']])
      assert.equal(formatOn('linux', hint), [hint].flat().join('\n'));
    assert.equal(
      formatHintText(unlockHint, { socketPath: undefined, processContext: processContext() }),
      'iam-token unlock',
    );
    assert.equal(formatOn('linux', unlockHint, ''), 'iam-token unlock');
    assert.equal(formatHintText(unlockHint), 'iam-token unlock');
    assert.equal(formatHintText(undefined), undefined);
  });

  it('quotes the path for a POSIX shell', () => {
    for (const path of ['/run/x.sock', "/a b/it's", '/a$(id)/`id`"', 'x.sock']) {
      const script = `${formatOn('linux', unlockHint, path)?.split('\n')[0]}; printenv IAM_TOKEND_SOCKET`;
      assert.equal(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), `${path}\n`);
    }
  });

  it('is for PowerShell on Windows', () => {
    const path = String.raw`\\.\pipe\it's`;
    const line = String.raw`$env:IAM_TOKEND_SOCKET = '\\.\pipe\it''s'`;
    assert.equal(formatOn('win32', unlockHint, path), `${line}\niam-token unlock`);
  });

  const problem = { code: 'login_required', message: 'no', hint: 'iam-token login --profile work' } as const;
  const linesOf = (text: string): readonly string[] =>
    text
      .split('\n')
      .map((line) => /hint:? +(.*)$/.exec(line)?.[1])
      .filter((line) => line !== undefined);

  /** Runs the client against a daemon, and returns the hints in its output. */
  async function listHints(
    script: Parameters<typeof ScriptedDaemon.start>[0],
    args: readonly string[],
  ): Promise<{ stdout: readonly string[]; stderr: readonly string[]; socketLine: string }> {
    const daemon = await ScriptedDaemon.start(script);
    const { stdout, stderr } = await runCli([...args, '--socket', daemon.socketPath]);
    await daemon.close();
    const socketLine = `export IAM_TOKEND_SOCKET=${daemon.socketPath}`;
    return { stdout: linesOf(stdout), stderr: linesOf(stderr), socketLine };
  }

  for (const args of [[], ['refresh'], ['login', '--metadata'], ['logout']])
    it(`follows that line after an error of iam-token ${args.join(' ')}`, async () => {
      const { stderr, socketLine } = await listHints(failWith(problem), args);
      assert.deepEqual(stderr.slice(0, 2), [socketLine, problem.hint]);
    });

  it('has no such line if the environment names the socket', async () => {
    const daemon = await ScriptedDaemon.start(failWith(problem));
    const { stderr } = await runCli([], { socket: daemon.socketPath });
    await daemon.close();
    assert.deepEqual(linesOf(stderr), [problem.hint]);
  });

  const otherProblem = { code: 'keychain_unavailable', message: 'no', hint: 'iam-token doctor' } as const;
  const { status } = createStatusResult(
    { state: 'login_required', problem },
    { store: { kind: 'keychain', state: 'closed', problem: otherProblem } },
  );
  const results = { status, hello: { version: '0.0.0', protocol: 1 } };

  for (const command of ['status', 'doctor'])
    it(`follows one such line for all hints of ${command}, but not in JSON`, async () => {
      const { stdout, socketLine } = await listHints(respondWith(results), [command]);
      assert.equal(stdout[0], socketLine);
      assert.equal(stdout.filter((line) => line === socketLine).length, 1);
      assert.ok(stdout.includes(problem.hint) && stdout.includes(otherProblem.hint), stdout.join('\n'));
      const daemon = await ScriptedDaemon.start(respondWith(results));
      const json = await runCli([command, '--json', '--socket', daemon.socketPath]);
      await daemon.close();
      assert.match(json.stdout, /"iam-token login --profile work"/);
      assert.ok(!json.stdout.includes('IAM_TOKEND_SOCKET'));
    });

  it('has no such line in a status without a command', async () => {
    const healthy = createStatusResult({});
    const { stdout, stderr } = await listHints(respondWith({ status: healthy.status }), ['status']);
    assert.deepEqual([...stdout, ...stderr], []);
  });

  it('follows it in a status without profiles, of a locked daemon, and with a notice', async () => {
    const { status: noticed } = createStatusResult({ notice: 'old: iam-token login --yc' });
    const { status: locked } = createStatusResult({}, { locked: true });
    const empty = { ...status, profiles: [] };
    for (const each of [noticed, locked, empty]) {
      const { stdout, socketLine } = await listHints(respondWith({ status: each }), ['status']);
      assert.equal(stdout[0], socketLine);
    }
  });

  it('follows one such line in profiles, lock and logout', async () => {
    const empty = { ...status, profiles: [] };
    const profiles = await listHints(respondWith({ status: empty }), ['profiles']);
    assert.deepEqual(profiles.stderr, [profiles.socketLine, 'iam-token login']);
    const warning = { code: 'internal', message: 'no', hint: 'df -h /' };
    const lock = await listHints(respondWith({ lock: { outcome: 'locked', warning } }), ['lock']);
    assert.deepEqual(lock.stderr, [lock.socketLine, warning.hint]);
    const left = ['one', 'two'].map((hint) => ({ message: 'no', hint }));
    const logout = await listHints(respondWith({ logout: { profile: 'work', left } }), ['logout']);
    assert.deepEqual(logout.stderr, [logout.socketLine, 'one', 'two']);
  });

  it('follows it after a command line that is not valid', async () => {
    const listOf = async (...args: readonly string[]) => linesOf((await runCli(args)).stderr);
    assert.deepEqual(await listOf('--socket', '/s', 'statsu'), [
      'export IAM_TOKEND_SOCKET=/s',
      'iam-token status',
    ]);
    assert.deepEqual(await listOf('--socket', '/s', 'use'), [
      'export IAM_TOKEND_SOCKET=/s',
      'iam-token profiles',
    ]);
    assert.deepEqual(await listOf('--socket', '/s', 'xyzzy'), ['iam-token --help']);
    assert.deepEqual(await listOf('exec', '--nope', '--', 'x', '--socket', '/s'), ['iam-token exec --help']);
  });
});
