import assert from 'node:assert/strict';
import { parseCommandLine } from '../../src/cli/parsing/parse-command-line.ts';
import { addSocketToHint } from '../../src/cli/socket-hints.ts';
import { hintScenarios } from '../slow/hints/hint-table.ts';
import { failWith, respondWith, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { createStatusResult } from '../support/daemon/scripted-results.ts';
import { runCli } from '../support/processes/run-cli.ts';

describe('a hint after --socket PATH', () => {
  for (const [hint, expected] of [
    ['iam-token login', 'iam-token login --socket /s'],
    ['iam-token', 'iam-token --socket /s'],
    ['iam-token --profile work', 'iam-token --socket /s --profile work'],
    ['iam-tokend &', 'iam-tokend --socket /s &'],
    [
      'iam-token stop; iam-tokend --store file',
      'iam-token stop --socket /s; iam-tokend --socket /s --store file',
    ],
    ['then: iam-token refresh --profile work', 'then: iam-token refresh --socket /s --profile work'],
    ['iam-token unlock --stdin < FILE', 'iam-token unlock --socket /s --stdin < FILE'],
    ['a: iam-token stop, then restart iam-tokend', 'a: iam-token stop --socket /s, then restart iam-tokend'],
    ['first\niam-token profiles', 'first\niam-token profiles --socket /s'],
    ['mv a b && iam-token login', 'mv a b && iam-token login --socket /s'],
  ] as const)
    it(`repeats it: ${hint.replace('\n', ' ')}`, () => assert.equal(addSocketToHint(hint, '/s'), expected));

  for (const hint of [
    'iam-token install',
    'iam-token uninstall --purge',
    'sudo iam-token install --system',
    'iam-token status --help',
    'iam-token docker-credential list',
    'iam-token status --socket /other',
    "iam-tokend --socket '/other' &",
    'flatpak-spawn --host iam-token login',
    'run iam-token refresh where the daemon runs',
    'install the same release of iam-token and iam-tokend',
    'start iam-tokend from a desktop session',
    'kill -HUP 7',
  ])
    it(`does not repeat it: ${hint}`, () => assert.equal(addSocketToHint(hint, '/s'), hint));

  it('quotes the path for a shell', () => {
    assert.equal(
      addSocketToHint('iam-token login', "/a b/it's"),
      String.raw`iam-token login --socket='/a b/it'\''s'`,
    );
  });

  it('is a command line that the client accepts', () => {
    const commands = hintScenarios
      .flatMap(({ hints }) => hints)
      .map((hint) => hint.replace(/^[\w-]+\.ts: /, ''))
      .filter((hint) => /^iam-token [a-z]+$/.test(hint));
    assert.ok(commands.length > 3);
    for (const command of commands) {
      const [, ...args] = addSocketToHint(command, '/s').split(' ');
      if (command !== 'iam-token install') assert.equal(parseCommandLine(args).socketPath, '/s', command);
    }
  });

  const problem = { code: 'login_required', message: 'no', hint: 'iam-token login --profile work' } as const;
  const expected = (path: string): RegExp =>
    new RegExp(`hint:? +iam-token login --socket ${path} --profile work$`, 'm');

  for (const args of [[], ['refresh'], ['login', '--metadata'], ['logout']])
    it(`repeats it after an error of iam-token ${args.join(' ')}`, async () => {
      const daemon = await ScriptedDaemon.start(failWith(problem));
      const { stderr } = await runCli([...args, '--socket', daemon.socketPath]);
      await daemon.close();
      assert.match(stderr, expected(daemon.socketPath));
    });

  it('repeats it in the status of a profile and in the findings of doctor, but not in JSON', async () => {
    const { status } = createStatusResult({ state: 'login_required', problem });
    const daemon = await ScriptedDaemon.start(
      respondWith({ status, hello: { version: '0.0.0', protocol: 1 } }),
    );
    const run = async (...args: readonly string[]) =>
      (await runCli([...args, '--socket', daemon.socketPath])).stdout;
    assert.match(await run('status'), expected(daemon.socketPath));
    assert.match(await run('status', '--json'), /"iam-token login --profile work"/);
    assert.match(await run('doctor'), expected(daemon.socketPath));
    await daemon.close();
  });

  it('repeats it after a command line that is not valid', async () => {
    const { stderr } = await runCli(['--socket', '/s', 'statsu']);
    assert.match(stderr, /hint: iam-token status --socket \/s$/m);
    const passthrough = await runCli(['exec', '--nope', '--', 'x', '--socket', '/s']);
    assert.match(passthrough.stderr, /hint: iam-token exec --help$/m);
  });
});
