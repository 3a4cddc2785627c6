import assert from 'node:assert/strict';
import { optionsOf } from '../../../src/cli/parsing/command-options.ts';
import { parseCommandLine } from '../../../src/cli/parsing/parse-command-line.ts';
import { resourceIdRule } from '../../../src/shared/resource-id.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import { runCli } from '../../support/processes/run-cli.ts';

describe('parseCommandLine', () => {
  const validCases: readonly (readonly [string, string, object, string?])[] = [
    ['', '', {}],
    ['--profile work', '', { profile: 'work' }],
    ['--profile=work', '', { profile: 'work' }],
    ['--profile a --profile b', '', { profile: 'b' }],
    ['--profile=--help', '', { profile: '--help' }],
    ['--profile=a=b', '', { profile: 'a=b' }],
    ['--format header', '', { format: 'header' }],
    ['--help', '', { help: true }],
    ['-h', '', { help: true }],
    ['-v', '', { version: true }],
    ['status -h', 'status', { help: true }],
    ['exec terraform -v', 'exec', {}],
    ['--version', '', { version: true }],
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
  for (const [line, command, expected, operand = ''] of validCases) {
    it(`parses “${line}”`, () => {
      const parsed = parseCommandLine(line.split(' ').filter(Boolean));
      assert.equal(parsed.command.name, command);
      assert.equal(parsed.operand, operand);
      const parsedOptions: Record<string, unknown> = {};
      for (const { name, value } of optionsOf(parsed.command)) {
        const optionValue = parsed.options.get(name);
        if (optionValue === undefined || value.kind === 'duration') continue;
        assert.equal(optionValue === '', value.kind === 'flag');
        parsedOptions[name] = optionValue || true;
      }
      assert.deepEqual(parsedOptions, expected);
    });
  }

  const durations: readonly (readonly [string, number | undefined])[] = [
    ['', 10_000],
    ['--timeout 500ms', 500],
    ['--timeout 30s', 30_000],
    ['--timeout 30', 30_000],
    ['--timeout 10m', 600_000],
    ['--timeout=24h', 86_400_000],
    ['--timeout 11h30m', 41_400_000],
    ['--timeout 1d', 86_400_000],
    ['login', 150_000],
    ['refresh', 150_000],
    ['lock', 10_000],
    ['unlock', 150_000],
    ['refresh --timeout 1s', 1_000],
    ['status', 10_000],
  ];
  for (const [line, expected] of durations) {
    it(`sets the timeout of “iam-token ${line}” to ${expected} ms`, () => {
      assert.equal(parseCommandLine(line.split(' ').filter(Boolean)).timeoutMs, expected);
    });
  }

  const profileRule = 'must have 1 to 64 characters, without slashes and control characters';
  const durationRule = 'must be a duration such as 10m, 11h30m or 1d';
  const invalidCases: readonly (readonly [string, string, string])[] = [
    ['statsu', 'unknown command "statsu"', 'iam-token status'],
    ['stat', 'unknown command "stat"', 'iam-token status'],
    ['token', 'unknown command "token"', 'iam-token --help'],
    ['frobnicate', 'unknown command "frobnicate"', 'iam-token --help'],
    ['--profil work', 'unknown option "--profil"; did you mean "--profile"?', 'iam-token --help'],
    ['--mint-tl 5m', 'unknown option "--mint-tl"; did you mean "--min-ttl"?', 'iam-token --help'],
    ['logout --revok', 'unknown option "--revok"; did you mean "--revoke"?', 'iam-token logout --help'],
    ['--frobnicate', 'unknown option "--frobnicate"', 'iam-token --help'],
    ['--no-json', 'unknown option "--no-json"', 'iam-token --help'],
    ['--__proto__=1', 'unknown option "--__proto__"', 'iam-token --help'],
    ['-p work', 'unknown option "-p"', 'iam-token --help'],
    [
      '--watch',
      'unknown option "--watch" for iam-token (an option of iam-token status)',
      'iam-token status --help',
    ],
    [
      'login --json',
      'unknown option "--json" for iam-token login (an option of iam-token status, iam-token profiles, iam-token doctor)',
      'iam-token login --help',
    ],
    ['use --profile=x work', 'unknown option "--profile" for iam-token use', 'iam-token use --help'],
    [
      'status -v',
      'unknown option "--version" for iam-token status (an option of iam-token)',
      'iam-token --help',
    ],
    [
      'status --version',
      'unknown option "--version" for iam-token status (an option of iam-token)',
      'iam-token --help',
    ],
    [
      'create-token --min-ttl 5m',
      'unknown option "--min-ttl" for iam-token create-token (an option of iam-token, iam-token exec, iam-token env)',
      'iam-token create-token --help',
    ],
    ['--profile', 'option "--profile" requires a value', 'iam-token --help'],
    ['--profile=', 'option "--profile" requires a value', 'iam-token --help'],
    [
      'status --profile --help',
      'option "--profile" requires a value; if "--help" is the value, write --profile=--help',
      'iam-token status --help',
    ],
    ['--profile a/b', `invalid value "a/b" for --profile: ${profileRule}`, 'iam-token --help'],
    ['use ..\\x', `invalid value "..\\x" for NAME: ${profileRule}`, 'iam-token use --help'],
    [
      '--format xml',
      'invalid value "xml" for --format: must be text, json, header or none',
      'iam-token --help',
    ],
    [
      'create-token --format header',
      'invalid value "header" for --format: must be text, json or yaml',
      'iam-token create-token --help',
    ],
    ['--min-ttl soon', `invalid value "soon" for --min-ttl: ${durationRule}`, 'iam-token --help'],
    ['--min-ttl 1.5h', `invalid value "1.5h" for --min-ttl: ${durationRule}`, 'iam-token --help'],
    ['--min-ttl=-5m', `invalid value "-5m" for --min-ttl: ${durationRule}`, 'iam-token --help'],
    ['--min-ttl 13h', 'invalid value "13h" for --min-ttl: must be at most 12h', 'iam-token --help'],
    ['--timeout 0', 'invalid value "0" for --timeout: must be at least 1ms', 'iam-token --help'],
    ['--timeout 25h', 'invalid value "25h" for --timeout: must be at most 24h', 'iam-token --help'],
    ['status --json=yes', 'option "--json" takes no value', 'iam-token status --help'],
    ['logout nope', 'unexpected argument "nope"', 'iam-token logout --profile nope'],
    ['refresh nope', 'unexpected argument "nope"', 'iam-token refresh --profile nope'],
    ['status nope --json', 'unexpected argument "nope"', 'iam-token status --json --profile nope'],
    [
      'logout --socket /a;b nope',
      'unexpected argument "nope"',
      "iam-token logout --socket='/a;b' --profile nope",
    ],
    ['logout --profile a b', 'unexpected argument "b"', 'iam-token logout --help'],
    ['logout t1.canary', 'unexpected argument "t1.…"', 'iam-token logout --help'],
    ['logout a/b', 'unexpected argument "a/b"', 'iam-token logout --help'],
    ['lock now', 'unexpected argument "now"', 'iam-token lock --help'],
    ...['login --oauth y0_canary', 'login y0_canary', 'unlock canary'].map(
      (line) =>
        [
          line,
          'unexpected argument: a secret is read from a prompt or from stdin, never from the command line',
          `iam-token ${line.split(' ')[0]}`,
        ] as const,
    ),
    ['login --oauth=y0_canary', 'option "--oauth" takes no value', 'iam-token login --help'],
    ['use a b', 'unexpected argument "b"', 'iam-token use --help'],
    ['use', 'missing argument NAME', 'iam-token profiles'],
    ['completion', 'missing argument SHELL', 'iam-token completion --help'],
    [
      'completion tcsh',
      'invalid value "tcsh" for SHELL: must be bash, zsh, fish or powershell',
      'iam-token completion --help',
    ],
    [
      'create-token --impersonate-service-account-id a/b',
      `invalid value "a/b" for --impersonate-service-account-id: ${resourceIdRule}`,
      'iam-token create-token --help',
    ],
    [
      'login --service-account-key',
      'option "--service-account-key" requires a value',
      'iam-token login --help',
    ],
    [
      'status --revoke',
      'unknown option "--revoke" for iam-token status (an option of iam-token logout)',
      'iam-token logout --help',
    ],
    ['exec', 'missing argument -- COMMAND …', 'iam-token exec --help'],
    ['exec --', 'missing argument -- COMMAND …', 'iam-token exec --help'],
    ['exec -x terraform', 'unknown option "-x"', 'iam-token exec --help'],
    ['docker-credential', 'missing argument ACTION', 'iam-token docker-credential --help'],
    [
      'docker-credential got',
      'invalid value "got" for ACTION: must be get, store, erase or list',
      'iam-token docker-credential --help',
    ],
    ['y0_canary', 'unknown command "y0_…"', 'iam-token --help'],
    ['--profile -----BEGIN-canary', 'option "--profile" requires a value', 'iam-token --help'],
    ['login -----BEGIN-canary', 'unknown option "---…"', 'iam-token login --help'],
    [
      '--format y0_canary',
      'invalid value "y0_…" for --format: must be text, json, header or none',
      'iam-token --help',
    ],
  ];
  for (const [line, message, hint] of invalidCases) {
    it(`C2: rejects “${line}”`, () => {
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

  it('18.7: trims the names of profiles', () => {
    assert.equal(parseCommandLine(['--profile', ' work\t']).options.get('profile'), 'work');
    assert.equal(parseCommandLine(['--profile=\u{a0}two words ']).options.get('profile'), 'two words');
    assert.equal(parseCommandLine(['use', ' work ']).operand, 'work');
    assert.deepEqual(parseCommandLine(['profiles', 'rename', ' a', 'b ']).operands, ['rename', 'a', 'b']);
    assert.equal(parseCommandLine(['--profile', ` ${'x'.repeat(64)} `]).options.get('profile')?.length, 64);
  });

  for (const args of [
    ['--profile', '   '],
    ['--profile=\u{a0}\t'],
    ['login', '--metadata', '--profile', ' '],
  ])
    it(`18.7: rejects a name of blanks in ${JSON.stringify(args)}`, () => {
      assert.throws(
        () => parseCommandLine(args),
        /^IamTokenError: invalid value .* must not consist of blanks$/,
      );
    });

  for (const args of [
    ['use', ' '],
    ['profiles', 'rename', 'a', ' '],
  ])
    it(`18.7: rejects a name of blanks in ${JSON.stringify(args)}`, () => {
      assert.throws(() => parseCommandLine(args), /^IamTokenError: (?:missing argument|invalid value)/);
    });

  it('passes the words for another program on unchanged', () => {
    const parsePassthroughArgs = (line: string): readonly string[] =>
      parseCommandLine(line.split(' ')).passthroughArgs;
    assert.deepEqual(parsePassthroughArgs('exec --profile a -- sh -c --profile=b -- c'), [
      'sh',
      '-c',
      '--profile=b',
      '--',
      'c',
    ]);
    assert.deepEqual(parsePassthroughArgs('exec sh -c x'), ['sh', '-c', 'x']);
    assert.deepEqual(parsePassthroughArgs('--profile a yc --profile b iam create-token'), [
      '--profile',
      'b',
      'iam',
      'create-token',
    ]);
    assert.deepEqual(parsePassthroughArgs('use work'), []);
  });

  it('exits with 2 after a usage error', async () => {
    assert.deepEqual(await runCli(['statsu']), {
      stdout: '',
      stderr: 'iam-token: error: unknown command "statsu"\niam-token: hint: iam-token status\n',
      code: 2,
    });
  });
});
