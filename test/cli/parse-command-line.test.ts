import assert from 'node:assert/strict';
import { helpText } from '../../src/cli/help.ts';
import { callOf, type CommandName, commands, options, optionsOf, signature } from '../../src/cli/options.ts';
import { parseCommandLine } from '../../src/cli/parse-command-line.ts';
import { IamTokenError } from '../../src/client/iam-token-error.ts';
import { runCli } from '../support/run-cli.ts';

describe('the command line', () => {
  const understood: readonly (readonly [string, CommandName, object, string?])[] = [
    ['', 'token', {}],
    ['--profile work', 'token', { profile: 'work' }],
    ['--profile=work', 'token', { profile: 'work' }],
    ['--profile a --profile b', 'token', { profile: 'b' }],
    ['--profile=--help', 'token', { profile: '--help' }],
    ['--profile=a=b', 'token', { profile: 'a=b' }],
    ['--format header', 'token', { format: 'header' }],
    ['--help', 'token', { help: true }],
    ['-h', 'token', { help: true }],
    ['--version', 'token', { version: true }],
    ['status --json', 'status', { json: true }],
    ['--json status', 'status', { json: true }],
    ['--socket /a status --watch', 'status', { socket: '/a', watch: true }],
    ['--profile work create-token --format yaml', 'create-token', { profile: 'work', format: 'yaml' }],
    [
      'login --oauth --stdin --endpoint https://x',
      'login',
      { oauth: true, stdin: true, endpoint: 'https://x' },
    ],
    [
      'login --service-account-key - --cloud-id=b1g --folder-id b1g',
      'login',
      { 'service-account-key': '-', 'cloud-id': 'b1g', 'folder-id': 'b1g' },
    ],
    [
      'login --workload-identity=aje --token-file=/a=b',
      'login',
      { 'workload-identity': 'aje', 'token-file': '/a=b' },
    ],
    ['logout --revoke', 'logout', { revoke: true }],
    ['lock', 'lock', {}],
    ['unlock --stdin', 'unlock', { stdin: true }],
    ['use work', 'use', {}, 'work'],
    ['use --timeout 5s work', 'use', {}, 'work'],
    ['use -- --odd', 'use', {}, '--odd'],
    ['use --help', 'use', { help: true }],
    ['exec -- terraform apply', 'exec', {}],
    ['exec terraform -v --profile x -- y', 'exec', {}],
    ['--profile=--help exec --min-ttl 1h -- --odd', 'exec', { profile: '--help' }],
    ['exec --help -- terraform', 'exec', { help: true }],
    ['env --shell fish', 'env', { shell: 'fish' }],
    ['docker-credential get', 'docker-credential', {}, 'get'],
    ['yc --help', 'yc', {}],
    ['--profile yc yc --profile a iam create-token --no-such', 'yc', { profile: 'yc' }],
    ['--help yc', 'yc', { help: true }],
    ['use work too many --help', 'use', { help: true }],
  ];
  for (const [line, command, expected, operand = ''] of understood) {
    it(`understands “${line}”`, () => {
      const parsed = parseCommandLine(line.split(' ').filter(Boolean));
      assert.equal(parsed.command.name, command);
      assert.equal(parsed.operand, operand);
      const found: Record<string, unknown> = {};
      for (const { name, value } of optionsOf(command)) {
        const given = parsed.options.get(name);
        if (given === undefined || value.kind === 'duration') continue;
        assert.equal(given === '', value.kind === 'flag');
        found[name] = given || true;
      }
      assert.deepEqual(found, expected);
    });
  }

  const durations: readonly (readonly [string, number | undefined])[] = [
    ['', 10_000],
    ['--timeout 500ms', 500],
    ['--timeout 30s', 30_000],
    ['--timeout 30', 30_000],
    ['--timeout 10m', 600_000],
    ['--timeout=24h', 86_400_000],
    ['login', 150_000],
    ['refresh', 150_000],
    ['lock', 10_000],
    ['unlock', 150_000],
    ['refresh --timeout 1s', 1_000],
    ['status', 10_000],
  ];
  for (const [line, expected] of durations) {
    it(`waits ${expected} ms for “iam-token ${line}”`, () => {
      assert.equal(parseCommandLine(line.split(' ').filter(Boolean)).timeoutMs, expected);
    });
  }

  const refused: readonly (readonly [string, string, string?])[] = [
    ['statsu', 'there is no command statsu', 'iam-token status'],
    ['stat', 'there is no command stat', 'iam-token status'],
    ['token', 'there is no command token', 'iam-token --help'],
    ['frobnicate', 'there is no command frobnicate', 'iam-token --help'],
    ['--profil work', 'there is no option --profil', 'did you mean --profile?'],
    ['--mint-tl 5m', 'there is no option --mint-tl', 'did you mean --min-ttl?'],
    ['--frobnicate', 'there is no option --frobnicate', 'iam-token --help'],
    ['--no-json', 'there is no option --no-json', 'iam-token --help'],
    ['--__proto__=1', 'there is no option --__proto__', 'iam-token --help'],
    ['-p work', 'there is no option -p', 'iam-token --help'],
    ['--watch', 'iam-token has no option --watch', 'it belongs to: iam-token status'],
    [
      'login --json',
      'iam-token login has no option --json',
      'it belongs to: iam-token status, iam-token profiles, iam-token doctor',
    ],
    ['use --profile=x work', 'iam-token use has no option --profile', 'iam-token use --help'],
    ['status --version', 'iam-token status has no option --version', 'it belongs to: iam-token'],
    [
      'create-token --min-ttl 5m',
      'iam-token create-token has no option --min-ttl',
      'it belongs to: iam-token, iam-token exec, iam-token env',
    ],
    ['--profile', '--profile needs a value', '--profile NAME'],
    ['--profile=', '--profile needs a value', '--profile NAME'],
    ['--profile --help', '--profile needs a value', 'if --help is meant: --profile=--help'],
    [
      '--profile a/b',
      'no profile can be called "a/b"',
      'a name has 1 to 64 characters, and no control character or slash among them',
    ],
    [
      'use ..\\x',
      'no profile can be called "..\\\\x"',
      'a name has 1 to 64 characters, and no control character or slash among them',
    ],
    ['--format xml', '--format cannot be xml', '--format text|json|header'],
    ['create-token --format header', '--format cannot be header', '--format text|json|yaml'],
    ['--min-ttl soon', '--min-ttl: soon is no duration', 'write it like 500ms, 30s, 10m or 1h'],
    ['--min-ttl 1.5h', '--min-ttl: 1.5h is no duration', 'write it like 500ms, 30s, 10m or 1h'],
    ['--min-ttl=-5m', '--min-ttl: -5m is no duration', 'write it like 500ms, 30s, 10m or 1h'],
    ['--min-ttl 13h', '--min-ttl: 13h is too long', 'at most 12h'],
    ['--timeout 0', '--timeout: 0 is too short'],
    ['--timeout 25h', '--timeout: 25h is too long', 'at most 24h'],
    ['status --json=yes', '--json takes no value'],
    ['status now', 'now is one word too many', 'iam-token status'],
    ...['login --oauth y0_canary', 'login y0_canary', 'unlock canary'].map(
      (line) =>
        [
          line,
          'a secret is read from a prompt or stdin, and no word goes here',
          `iam-token ${line.split(' ')[0]} --stdin < FILE`,
        ] as const,
    ),
    ['use a b', 'b is one word too many', 'iam-token use NAME'],
    ['use', 'NAME is missing', 'iam-token use NAME'],
    ['completion', 'SHELL is missing', 'iam-token completion bash|zsh|fish|powershell'],
    ['completion tcsh', 'SHELL cannot be tcsh', 'iam-token completion bash|zsh|fish|powershell'],
    [
      'create-token --impersonate-service-account-id a/b',
      '--impersonate-service-account-id must be an id of Yandex Cloud: at most 50 letters, digits, - and _',
    ],
    ['login --service-account-key', '--service-account-key needs a value', '--service-account-key FILE|-'],
    ['status --revoke', 'iam-token status has no option --revoke', 'it belongs to: iam-token logout'],
    ['exec', '-- COMMAND … is missing', 'iam-token exec -- COMMAND …'],
    ['exec --', '-- COMMAND … is missing', 'iam-token exec -- COMMAND …'],
    ['exec -x terraform', 'there is no option -x', 'iam-token --help'],
    ['docker-credential', 'ACTION is missing', 'iam-token docker-credential get|store|erase|list'],
    ['docker-credential got', 'ACTION cannot be got', 'iam-token docker-credential get|store|erase|list'],
    ['y0_canary', 'there is no command y0_canary', 'iam-token --help'],
  ];
  for (const [line, message, hint] of refused) {
    it(`refuses “${line}”`, () => {
      assert.throws(
        () => parseCommandLine(line.split(' ')),
        (error) => {
          assert.ok(error instanceof IamTokenError, String(error));
          assert.deepEqual([error.code, error.message, error.hint], ['bad_request', message, hint]);
          return true;
        },
      );
    });
  }

  it('leaves a command that is not ours as it was given', () => {
    const foreign = (line: string): readonly string[] => parseCommandLine(line.split(' ')).foreign;
    assert.deepEqual(foreign('exec --profile a -- sh -c --profile=b -- c'), [
      'sh',
      '-c',
      '--profile=b',
      '--',
      'c',
    ]);
    assert.deepEqual(foreign('exec sh -c x'), ['sh', '-c', 'x']);
    assert.deepEqual(foreign('--profile a yc --profile b iam create-token'), [
      '--profile',
      'b',
      'iam',
      'create-token',
    ]);
    assert.deepEqual(foreign('use work'), []);
  });

  it('ends with 2 when it is refused', async () => {
    assert.deepEqual(await runCli(['statsu']), {
      stdout: '',
      stderr: 'iam-token: error: there is no command statsu\niam-token: hint: iam-token status\n',
      code: 2,
    });
  });
});

describe('the table of options', () => {
  it('has each option once for each command', () => {
    for (const { name } of commands) {
      const names = optionsOf(name).map((option) => option.name);
      assert.deepEqual(names, [...new Set(names)], name);
    }
  });

  it('has each option with a value, or without one, in all commands alike', () => {
    for (const { name, value } of options) {
      const others = options.filter((other) => other.name === name);
      assert.ok(
        others.every((other) => (other.value.kind === 'flag') === (value.kind === 'flag')),
        name,
      );
    }
  });

  it('gives every command --socket, --timeout and --help', () => {
    for (const { name } of commands) {
      const names = new Set(optionsOf(name).map((option) => option.name));
      for (const option of ['socket', 'timeout', 'help']) assert.ok(names.has(option), `${name} ${option}`);
    }
  });
});

describe('--help', () => {
  it('names all that there is, in lines of at most 100 characters', async () => {
    for (const command of commands) {
      // What follows `yc` is yc's.
      const args = command.name === 'token' ? ['--help'] : ['--help', command.name];
      const { stdout, stderr, code } = await runCli(args);
      assert.deepEqual([stdout, stderr, code], [`${helpText(command)}\n`, '', 0]);
      for (const option of optionsOf(command.name))
        assert.ok(stdout.includes(`\n  ${signature(option)} `), stdout);
      assert.ok(
        stdout.split('\n').every((line) => line.length <= 100 && line === line.trimEnd()),
        stdout,
      );
      if (command.name === 'token') continue;
      const isForeign = ['exec', 'yc'].includes(command.name);
      const usage = isForeign
        ? callOf(command).replace(command.name, `${command.name} [OPTIONS]`)
        : `${callOf(command)} [OPTIONS]`;
      assert.ok(stdout.startsWith(`usage: ${usage}\n`));
    }
  });

  it('begins with what is used most', () => {
    const [command] = commands;
    assert.ok(command !== undefined);
    const lines = helpText(command).split('\n');
    assert.deepEqual(lines.slice(0, 5), [
      'usage: iam-token [OPTIONS]           print a living IAM token',
      '       iam-token COMMAND [OPTIONS]   see iam-token COMMAND --help',
      '',
      'commands:',
      '  create-token              print a token as `yc iam create-token` does, for scripts that call that',
    ]);
    assert.deepEqual(lines.slice(-9), [
      'exit codes:',
      '  0  done',
      '  1  unexpected failure',
      '  2  wrong usage',
      '  3  the daemon cannot be reached',
      '  4  login needed',
      '  5  no valid token now; it will be tried again',
      '  6  the keychain, or the daemon itself, is locked or missing',
      '  7  no such profile',
    ]);
  });

  it('gives the release with --version', async () => {
    assert.deepEqual(await runCli(['--version']), { stdout: 'iam-token 0.1.0\n', stderr: '', code: 0 });
  });
});
