import assert from 'node:assert/strict';
import { readBashLine } from '../../src/cli/bash-line.ts';
import { type Suggestions, suggestionsFor } from '../../src/cli/complete.ts';
import { commands, optionsOf } from '../../src/cli/options.ts';
import { runCli } from '../support/run-cli.ts';
import { answering, ScriptedDaemon } from '../support/scripted-daemon.ts';

const profiles = ['work', 'my prod', '-odd'].map((text) => ({ text, help: 'oauth' }));

async function suggested(...words: readonly string[]): Promise<'files' | readonly string[]> {
  const found: Suggestions = await suggestionsFor(words, () => Promise.resolve(profiles));
  return found === 'files' ? found : found.map(({ text }) => text);
}

describe('completion', () => {
  it('knows every command, and every option of each, from the one table', async () => {
    const names = commands.map(({ name }) => name).filter((name) => name !== 'token');
    assert.deepEqual(await suggested(''), names);
    for (const { name } of commands) {
      if (name === 'yc') continue; // What follows it is yc's.
      const words = name === 'token' ? ['-'] : [name, '--'];
      assert.deepEqual(
        await suggested(...words),
        optionsOf(name).map((option) => `--${option.name}`),
      );
    }
  });

  it('leaves the words of a command that is not ours to the shell', async () => {
    for (const words of [
      ['yc', ''],
      ['yc', '--'],
      ['exec', ''],
      ['exec', '--', ''],
      ['exec', 'sh', '-'],
    ]) {
      assert.equal(await suggested(...words), 'files', words.join(' '));
    }
    assert.deepEqual(await suggested('docker-credential', ''), ['get', 'store', 'erase', 'list']);
  });

  const table: readonly (readonly [words: readonly string[], expected: 'files' | readonly string[]])[] = [
    [
      ['--format', ''],
      ['text', 'json', 'header'],
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
    [['--profile', '--', ''], commands.map(({ name }) => name).filter((name) => name !== 'token')],
  ];
  for (const [words, expected] of table) {
    it(`finishes “${words.join(' ')}”`, async () => {
      assert.deepEqual(await suggested(...words), expected);
    });
  }

  it('asks the daemon at the socket that the line names', async () => {
    const asked: (string | undefined)[] = [];
    const none = (socketPath: string | undefined) => {
      asked.push(socketPath);
      return Promise.resolve([]);
    };
    for (const words of [
      ['--socket', '/a', 'use', ''],
      ['use', '--socket=/b', ''],
      ['use', ''],
      ['stop', ''],
    ])
      await suggestionsFor(words, none);
    assert.deepEqual(asked, ['/a', '/b', undefined]);
  });
});

describe('iam-token __complete', () => {
  it('prints each word with its help, nothing in which acts on a terminal', async () => {
    const daemon = await ScriptedDaemon.start(
      answering({
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
        stdout: 'words\nmy prod\tx\\u{1b}[2J\\u{9}y, the default\nwork\tyc\n',
        stderr: '',
        code: 0,
      });
    } finally {
      await daemon.close();
    }
  });

  for (const [what, script] of [
    ['answers nothing', () => undefined],
    ['speaks another language', (_, { raw }) => raw('HTTP/1.1 400 Bad Request\r\n\r\n\f')],
    ['fails', (request, { fail }) => fail(request, { code: 'internal', message: 'oh' })],
    ['leads in a circle', answering({ profiles: { profiles: [], next: 'a' } })],
  ] as const satisfies readonly (readonly [string, Parameters<typeof ScriptedDaemon.start>[0]])[]) {
    it(`knows no profile where the daemon ${what}, and that is no failure`, async () => {
      const daemon = await ScriptedDaemon.start(script);
      try {
        const run = await runCli(['__complete', 'use', ''], { socket: daemon.socketPath });
        assert.deepEqual(run, { stdout: 'words\n', stderr: '', code: 0 });
      } finally {
        await daemon.close();
      }
    });
  }

  it('knows none without a daemon, nor where the socket can have no such path', async () => {
    for (const args of [
      ['use', ''],
      ['use', '--socket', 'x'.repeat(200), ''],
    ]) {
      assert.deepEqual(await runCli(['__complete', ...args]), { stdout: 'words\n', stderr: '', code: 0 });
    }
  });
});

describe('a line of bash', () => {
  const breaks = ' \t\n"\'@><=;|&(:';
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
    it(`is taken apart as bash does: ${line}`, () => {
      const read = readBashLine(line, breaks);
      assert.deepEqual(read.words, words);
      assert.equal(read.replacement(text), replacement);
    });
  }
});
