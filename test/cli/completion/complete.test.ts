import assert from 'node:assert/strict';
import { parseBashLine } from '../../../src/cli/completion/bash-line.ts';
import {
  isList,
  type Suggestion,
  type Suggestions,
  suggestCompletions,
} from '../../../src/cli/completion/suggest-completions.ts';
import { allCommands, defaultCommand, namedCommands } from '../../../src/cli/command-table.ts';
import { optionsOf } from '../../../src/cli/parsing/command-options.ts';
import { runCli } from '../../support/processes/run-cli.ts';
import { respondWith, ScriptedDaemon } from '../../support/daemon/scripted-daemon.ts';

const profiles = ['work', 'my prod', '-odd'].map((text) => ({ text, help: 'oauth' }));

async function completeWords(
  ...words: readonly string[]
): Promise<Exclude<Suggestions, readonly Suggestion[]> | readonly string[]> {
  const suggestions = await suggestCompletions(words, () => Promise.resolve(profiles));
  return isList(suggestions) ? suggestions.map(({ text }) => text) : suggestions;
}

describe('completion', () => {
  it('suggests every command of the table, and every option of each command', async () => {
    assert.deepEqual(
      await completeWords(''),
      namedCommands.map(({ name }) => name),
    );
    for (const command of allCommands) {
      if (command.name === 'yc') continue; // Its arguments belong to yc.
      const words = command === defaultCommand ? ['-'] : [command.name, '--'];
      assert.deepEqual(
        await completeWords(...words),
        optionsOf(command).map((option) => `--${option.name}`),
      );
    }
  });

  it('B12: leaves the words for another program to its own completion', async () => {
    for (const [words, commandIndex] of [
      [['yc', ''], 0],
      [['yc', '--'], 0],
      [['--profile', 'work', 'yc', 'iam', ''], 2],
      [['exec', ''], 1],
      [['exec', '--', ''], 2],
      [['exec', '--min-ttl', '1h', '--', 'ter'], 4],
      [['exec', 'sh', '-'], 1],
      [['exec', '--', 'sh', '--', '-'], 2],
    ] as const) {
      assert.deepEqual(await completeWords(...words), { commandIndex }, words.join(' '));
    }
    assert.deepEqual(await completeWords('exec', '--profile', ''), ['work', 'my prod']);
    assert.ok(((await completeWords('exec', '-')) as readonly string[]).includes('--min-ttl'));
    assert.deepEqual(await completeWords('docker-credential', ''), ['get', 'store', 'erase', 'list']);
  });

  const table: readonly (readonly [words: readonly string[], expected: 'files' | readonly string[]])[] = [
    [['help', ''], namedCommands.map(({ name }) => name)],
    [
      ['--format', ''],
      ['text', 'json', 'header', 'none'],
    ],
    [
      ['create-token', '--format', 'j'],
      ['text', 'json', 'yaml'],
    ],
    [
      ['create-token', '--format=j'],
      ['--format=text', '--format=json', '--format=yaml'],
    ],
    [
      ['--format', 'json', 'create-token', '--format='],
      ['--format=text', '--format=json', '--format=yaml'],
    ],
    [
      ['--profile', ''],
      ['work', 'my prod'],
    ],
    [['--profile='], ['--profile=work', '--profile=my prod', '--profile=-odd']],
    [
      ['use', 'w'],
      ['work', 'my prod'],
    ],
    [
      ['use', '--', ''],
      ['work', 'my prod', '-odd'],
    ],
    [
      ['use', '--', '--socket='],
      ['work', 'my prod', '-odd'],
    ],
    [
      ['use', '--socket', '/tmp/s', ''],
      ['work', 'my prod'],
    ],
    [
      ['use', 'work', ''],
      ['--socket', '--timeout', '--help'],
    ],
    [
      ['use', '--help', 'work', ''],
      ['--socket', '--timeout'],
    ],
    [
      ['--profile', 'use', 'stop', ''],
      ['--socket', '--timeout', '--help'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', 'powershell'],
    ],
    [['login', '--token-file', ''], 'files'],
    [['--socket=/tm'], 'files'],
    [['--min-ttl', ''], []],
    [['login', '--endpoint', ''], []],
    [['use', '--', 'work', ''], []],
    [['--no-such', '--help='], []],
    [['--profile', '--', ''], namedCommands.map(({ name }) => name)],
  ];
  for (const [words, expected] of table) {
    it(`completes “${words.join(' ')}”`, async () => {
      assert.deepEqual(await completeWords(...words), expected);
    });
  }

  it('lists the profiles of the daemon at the socket that the line names', async () => {
    const requestedSocketPaths: (string | undefined)[] = [];
    const listNoProfiles = (socketPath: string | undefined) => {
      requestedSocketPaths.push(socketPath);
      return Promise.resolve([]);
    };
    for (const words of [
      ['--socket', '/a', 'use', ''],
      ['use', '--socket=/b', ''],
      ['use', ''],
      ['stop', ''],
    ])
      await suggestCompletions(words, listNoProfiles);
    assert.deepEqual(requestedSocketPaths, ['/a', '/b', undefined]);
  });
});

describe('iam-token __complete', () => {
  it('prints each word with its help, control characters escaped', async () => {
    const daemon = await ScriptedDaemon.start(
      respondWith({
        profiles: (params: { after?: string }) =>
          params.after === undefined
            ? { profiles: [{ profile: 'my prod', isDefault: true, kind: 'x\x1b[2J\ty' }], next: 'my prod' }
            : {
                profiles: ['work', 'a\nb', '\x1b[2J'].map((profile) => ({
                  profile,
                  isDefault: false,
                  kind: 'yc',
                })),
                next: null,
              },
      }),
    );
    try {
      const run = await runCli(['__complete', 'use', ''], { socket: daemon.socketPath });
      assert.deepEqual(run, {
        stdout: 'words\nmy prod\tx\\u{1b}[2J\\u{9}y, default profile\nwork\tyc\n',
        stderr: '',
        code: 0,
      });
    } finally {
      await daemon.close();
    }
  });

  for (const [what, script] of [
    ['does not answer', () => undefined],
    ['speaks another protocol', (_, { writeRaw }) => writeRaw('HTTP/1.1 400 Bad Request\r\n\r\n\f')],
    ['fails', (request, { fail }) => fail(request, { code: 'internal', message: 'oh' })],
    ['returns pages in a circle', respondWith({ profiles: { profiles: [], next: 'a' } })],
  ] as const satisfies readonly (readonly [string, Parameters<typeof ScriptedDaemon.start>[0]])[]) {
    it(`suggests no profile if the daemon ${what}, and exits with 0`, async () => {
      const daemon = await ScriptedDaemon.start(script);
      try {
        const run = await runCli(['__complete', 'use', ''], { socket: daemon.socketPath });
        assert.deepEqual(run, { stdout: 'words\n', stderr: '', code: 0 });
      } finally {
        await daemon.close();
      }
    });
  }

  it('suggests no profile without a daemon or with an invalid socket path', async () => {
    for (const args of [
      ['use', ''],
      ['use', '--socket', 'x'.repeat(200), ''],
    ]) {
      assert.deepEqual(await runCli(['__complete', ...args]), { stdout: 'words\n', stderr: '', code: 0 });
    }
  });
});

describe('parseBashLine', () => {
  const wordBreaks = ' \t\n"\'@><=;|&(:';
  const table: readonly (readonly [
    line: string,
    words: readonly string[],
    text: string,
    replacement: string,
  ])[] = [
    ['iam-token ', ['iam-token', ''], 'status', 'status'],
    ['iam-token  st', ['iam-token', 'st'], 'status', 'status'],
    ['iam-token use my\\ p', ['iam-token', 'use', 'my p'], 'my prod', 'my\\ prod'],
    ["iam-token use 'my p", ['iam-token', 'use', 'my p'], "my p'x", "my p'\\''x"],
    ["iam-token use ''", ['iam-token', 'use', ''], 'a b', 'a\\ b'],
    ['iam-token use "a \\" \\x', ['iam-token', 'use', 'a " \\x'], 'a " \\x', 'a \\" \\\\x'],
    ["iam-token --profile='my ", ['iam-token', '--profile=my '], '--profile=my prod', 'my prod'],
    ['iam-token --profile=w', ['iam-token', '--profile=w'], '--profile=work', 'work'],
    ['iam-token use tom@', ['iam-token', 'use', 'tom@'], 'tom@cat', '@cat'],
    ['iam-token use a:', ['iam-token', 'use', 'a:'], 'a:b', 'b'],
    ['iam-token use a\\', ['iam-token', 'use', 'a'], 'ab', 'ab'],
    ['iam-token use "', ['iam-token', 'use', ''], '!x"', '""\'!\'"x\\""'],
    ["iam-token use '", ['iam-token', 'use', ''], "'", "''\\'''"],
  ];
  for (const [line, words, text, replacement] of table) {
    it(`splits and quotes like bash: ${line}`, () => {
      const bashLine = parseBashLine(line, wordBreaks);
      assert.deepEqual(bashLine.words, words);
      assert.equal(bashLine.replacementFor(text), replacement);
    });
  }
});
