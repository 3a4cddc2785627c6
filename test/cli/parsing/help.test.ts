import assert from 'node:assert/strict';
import { allCommands, commandGroups, defaultCommand } from '../../../src/cli/command-table.ts';
import { optionsOf } from '../../../src/cli/parsing/command-options.ts';
import { formatHelp } from '../../../src/cli/parsing/help.ts';
import { formatOptionUsage } from '../../../src/cli/parsing/options.ts';
import { version } from '../../../src/shared/version.ts';
import { runCli } from '../../support/processes/run-cli.ts';

describe('--help', () => {
  it('lists every option, in lines of at most 100 characters except examples', async () => {
    for (const command of allCommands) {
      // The words after `yc` belong to yc.
      const args = ['--help', command.name].filter(Boolean);
      const { stdout, stderr, code } = await runCli(args);
      assert.deepEqual([stdout, stderr, code], [`${formatHelp(command, commandGroups)}\n`, '', 0]);
      for (const option of optionsOf(command))
        assert.ok(stdout.includes(`\n  ${formatOptionUsage(option)} `), stdout);
      for (const line of stdout.split('\n')) {
        assert.ok(line.length <= 100 || command.examples.includes(line.trimStart()), line);
        assert.equal(line, line.trimEnd());
      }
    }
  });

  it('shows the commands in groups, then options, examples and exit codes', () => {
    const lines = formatHelp(defaultCommand, commandGroups).split('\n');
    assert.deepEqual(lines.slice(0, 11), [
      'Print a valid Yandex Cloud IAM token, kept fresh by iam-tokend.',
      '',
      'Usage:',
      '  iam-token [--profile NAME] [--min-ttl DURATION] [--format text|json|header|none]',
      '  iam-token COMMAND [OPTIONS]',
      '',
      'Set up',
      '  install                 install and start the daemon as a service',
      '  login                   store a credential in the keychain',
      '  uninstall               remove the service',
      '',
    ]);
    assert.deepEqual(
      lines.filter((line) => /^[A-Z][\w ]+:?( |$)/.test(line)).map((line) => line.split(/:|  /)[0]),
      [
        'Print a valid Yandex Cloud IAM token, kept fresh by iam-tokend.',
        'Usage',
        'Set up',
        'Every day',
        'For other programs',
        'Information',
        'Options',
        'Examples',
        'Exit codes',
        'More about a command',
      ],
    );
  });

  it('shows the options of a command before the words for another program', async () => {
    assert.match((await runCli(['exec', '--help'])).stdout, /^ {2}iam-token exec \[OPTIONS\] -- COMMAND …$/m);
    assert.match((await runCli(['use', '--help'])).stdout, /^ {2}iam-token use NAME \[OPTIONS\]$/m);
  });
});

describe('iam-token help', () => {
  it('shows the same as --help', async () => {
    for (const args of [[], ['yc'], ['login']]) {
      const { stdout, stderr, code } = await runCli(['help', ...args]);
      assert.deepEqual([stderr, code], ['', 0]);
      if (args[0] !== 'yc') assert.equal(stdout, (await runCli([...args, '--help'])).stdout);
      else assert.match(stdout, /^Usage:\n {2}iam-token yc /m);
    }
  });

  it('has a help of its own, and rejects a second command', async () => {
    assert.match((await runCli(['help', '--help'])).stdout, /^ {2}iam-token help \[COMMAND\] \[OPTIONS\]$/m);
    assert.deepEqual(await runCli(['help', 'use', 'status']), {
      stdout: '',
      stderr: 'iam-token: error: unexpected argument "status"\niam-token: hint: iam-token help --help\n',
      code: 2,
    });
  });

  it('rejects an unknown command', async () => {
    assert.deepEqual(await runCli(['help', 'logn']), {
      stdout: '',
      stderr: 'iam-token: error: unknown command "logn"\niam-token: hint: iam-token login\n',
      code: 2,
    });
  });
});

describe('iam-token version', () => {
  it('prints the version', async () => {
    assert.deepEqual(await runCli(['version']), { stdout: `iam-token ${version}\n`, stderr: '', code: 0 });
  });
});

describe('--version', () => {
  it('prints the version', async () => {
    assert.deepEqual(await runCli(['--version']), { stdout: `iam-token ${version}\n`, stderr: '', code: 0 });
  });
});
