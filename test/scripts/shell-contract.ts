import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ProfileStatus } from '../../src/protocol/method-types.ts';
import { runInTerminal, type TerminalStep } from '../support/processes/pseudo-terminal.ts';
import { clientBundle } from '../support/processes/run-cli.ts';
import { respondWith, type Script, ScriptedDaemon } from '../support/daemon/scripted-daemon.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

export interface Shell {
  readonly name: 'bash' | 'zsh' | 'fish';
  /** The path of its start file below HOME, and the contents: the completion script, and a prompt with a counter. */
  readonly startFile: string;
  readonly start: string;
  /** The line that adds the prompt of iam-token. */
  readonly prompt: string;
  /** The lines that complete `--first-option` and `--second-option` of `unlikely-program`. */
  readonly programCompletion: string;
  readonly interactive: readonly string[];
  /** Runs the prompt function once, without the start file. */
  readonly run: readonly string[];
  /** Ends with status 7. */
  readonly failingCommand: string;
  readonly printStatus: string;
  /** How the prompt function prints `%`. */
  readonly escapedPercent: string;
}

/** Names with every character that is special in a shell; each begins with a different letter. */
const names = [
  'a b',
  "b it's",
  'c "d"',
  'd$HOME',
  'e`id`$(id)',
  'f!!',
  'g;h|i&j',
  'h*?[i]',
  'i#{j,k}<l>',
  'k=l:m@n',
  'l10%',
  'mяß→',
  'n  o',
];

const status: ProfileStatus = {
  profile: 'work',
  isDefault: true,
  kind: 'oauth',
  endpoint: 'https://iam.api.cloud.yandex.net',
  state: 'ok',
  subject: null,
  expiresAt: '2026-11-24T22:04:05.000Z',
  timeLeftMs: 11_535_000,
  nextRenewalAt: null,
  problem: null,
  trouble: null,
  successesInHour: 1,
  attemptsInHour: 1,
  clockOffsetMs: 0,
};

function createStatusResult(...profiles: readonly Partial<ProfileStatus>[]) {
  const daemon = {
    version: '0.1.0',
    pid: 7,
    startedAt: '2026-11-24T10:00:00.000Z',
    manager: null,
    store: { kind: 'memory', state: 'open', problem: null },
  };
  return { daemon, profiles: profiles.map((each) => ({ ...status, ...each })), next: null };
}

function scriptWithProfiles(...profiles: readonly string[]): Script {
  return respondWith({
    profiles: {
      profiles: profiles.map((profile) => ({ profile, isDefault: profile === 'work', kind: 'oauth' })),
      next: null,
    },
    use: (params: { profile: string }) => params,
    token: { token: 't1.a', expiresAt: status.expiresAt, profile: 'work', subject: null },
    status: createStatusResult({}),
  });
}

/** Completion and prompt in a real interactive shell. */
export function describeShellContract(shell: Shell): void {
  const folder = useTemporaryFolder();
  let daemon: ScriptedDaemon;
  let env: Record<string, string>;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(scriptWithProfiles(...names));
    symlinkSync(clientBundle, join(folder(), 'iam-token'));
    env = { PATH: `${folder()}:${process.env['PATH']}`, HOME: folder(), LANG: 'C.UTF-8' };
  });
  afterEach(() => daemon.close());

  /** Types each line at a new prompt; a tab and the text after it are typed separately. */
  const type = (lines: readonly string[], { socket = daemon.socketPath, prompt = '' } = {}) => {
    mkdirSync(dirname(join(folder(), shell.startFile)), { recursive: true });
    writeFileSync(join(folder(), shell.startFile), `${shell.start}\n${prompt}\n`);
    const steps: readonly TerminalStep[] = [...lines, 'exit'].map((line, at) => ({
      expect: `ready${at + 1}:`,
      type: [...line.split(/(?<=\t)/), '\r'],
    }));
    return runInTerminal([], steps, { socket, env, program: shell.interactive });
  };

  const requestsFor = (method: string) => daemon.requests.filter((request) => request.method === method);
  const usedProfiles = () => requestsFor('use').map(({ params }) => (params as { profile: string }).profile);

  it('completes commands, options and their values', async () => {
    const { screen } = await type(['iam-token create-t\t--form\tj\t']);
    assert.match(screen, /\{"iam_token":"t1\.a",/);
  });

  for (const [how, quote] of [
    ['without quotes', ''],
    ['in single quotes', "'"],
    ['in double quotes', '"'],
  ] as const) {
    it(`completes any profile name ${how}`, async () => {
      await type(names.map((name) => `iam-token use ${quote}${name.charAt(0)}\t`));
      assert.deepEqual(usedProfiles(), names);
    });
  }

  it('completes a name from the middle of a word, and a name that looks like an option', async () => {
    daemon.setScript(scriptWithProfiles('work', 'my prod', 'my play', 'tom@cat', '-odd', '--help'));
    await type([
      'iam-token use my\tr\t',
      'iam-token use tom@\t',
      'iam-token use -- -o\t',
      'iam-token use -- --\t',
      'iam-token status --json --profile=--h\t',
      'iam-token status --json --profile wo\t',
    ]);
    assert.deepEqual(usedProfiles(), ['my prod', 'tom@cat', '-odd', '--help']);
    assert.deepEqual(
      requestsFor('status').map(({ params }) => params),
      [{ profile: '--help' }, { profile: 'work' }],
    );
  });

  it('completes a file name as the value of a file option', async () => {
    writeFileSync(join(folder(), 'my own key.json'), 'not a key');
    const { screen } = await type(['cd', 'iam-token login --service-account-key my\t']);
    assert.match(screen, /my\W{1,2}own\W{1,2}key\.json/);
  });

  it('B12: completes a command after exec, and then as that command does', async () => {
    const program = join(folder(), 'unlikely-program');
    writeFileSync(program, '#!/bin/sh\nprintf "ran with "; printf "%s," "$@"\n', { mode: 0o755 });
    const { screen } = await type(
      [
        'iam-token exec --min-ttl 1h -- unlikely-\t--fir\t"a  b" --sec\t',
        'iam-token exec --profile=work unlikely-program --sec\t',
      ],
      { prompt: shell.programCompletion },
    );
    assert.match(screen, /ran with --first-option,a {2}b,--second-option,/);
    assert.match(screen, /ran with --second-option,/);
  });

  it('prints nothing without a daemon, or if the daemon does not answer', async () => {
    daemon.setScript(() => undefined);
    for (const socket of ['/nowhere/ipc.sock', daemon.socketPath]) {
      const { screen } = await type(['iam-token use a\t\x15echo still he""re'], { socket });
      assert.match(screen, /still here/);
      assert.doesNotMatch(screen, /error|hint/);
    }
    assert.equal(requestsFor('profiles').length, 1);
  });

  describe('iam_token_prompt', () => {
    it('B12: keeps the status of the last command', async () => {
      daemon.setScript(respondWith({ status: createStatusResult({}) }));
      const [program = '', ...args] = shell.run;
      const checkStatus = `${shell.failingCommand}; iam_token_prompt; ${shell.printStatus}`;
      const script = (args.at(-1) ?? '').replace(/iam_token_prompt$/, checkStatus);
      const { stdout } = await promisify(execFile)(program, [...args.slice(0, -1), script], {
        env: { ...env, IAM_TOKEND_SOCKET: daemon.socketPath },
      });
      assert.equal(stdout, 'work 3h12m 7\n');
    });

    const prompt = async (more: Readonly<Record<string, string>> = {}): Promise<string> => {
      const [program = '', ...args] = shell.run;
      const socket = { IAM_TOKEND_SOCKET: daemon.socketPath };
      const { stdout, stderr } = await promisify(execFile)(program, args, {
        env: { ...env, ...socket, ...more },
      });
      assert.equal(stderr, '');
      return stdout;
    };

    const promptCases: readonly (readonly [string, Partial<ProfileStatus>, string])[] = [
      ['hours and minutes', {}, 'work 3h12m '],
      ['minutes', { timeLeftMs: 59 * 60_000 }, 'work 59m '],
      ['a failing renewal', { state: 'failing' }, 'work 3h12m! '],
      ['the state without a token', { state: 'login_required', timeLeftMs: null }, 'work login required '],
      [
        'escaped control characters',
        { profile: '\u2028"10%"' },
        `\\u{2028}"10${shell.escapedPercent}" 3h12m `,
      ],
    ];
    for (const [what, statusOverrides, expected] of promptCases) {
      it(`prints ${what}, from one request`, async () => {
        daemon.setScript(
          respondWith({
            status: createStatusResult({ profile: 'a', isDefault: false, timeLeftMs: 1 }, statusOverrides),
          }),
        );
        assert.equal(await prompt(), expected);
        assert.deepEqual(
          daemon.requests.map(({ method }) => method),
          ['status'],
        );
      });
    }

    it('prints the profile that IAM_TOKEND_PROFILE names', async () => {
      daemon.setScript(respondWith({ status: createStatusResult({ profile: 'my prod', isDefault: false }) }));
      assert.equal(await prompt({ IAM_TOKEND_PROFILE: 'my prod' }), 'my prod 3h12m ');
      assert.deepEqual(daemon.requests[0]?.params, { profile: 'my prod' });
    });

    it('prints nothing without a profile, without a response and without a daemon', async () => {
      daemon.setScript(respondWith({ status: createStatusResult() }));
      assert.equal(await prompt(), '');
      daemon.setScript(() => undefined);
      assert.equal(await prompt(), '');
      assert.equal(await prompt({ IAM_TOKEND_SOCKET: '/nowhere/ipc.sock' }), '');
    });

    it('works in an interactive prompt', async () => {
      daemon.setScript(respondWith({ status: createStatusResult({ profile: '10%$(id)' }) }));
      const { screen } = await type([], { prompt: shell.prompt });
      assert.ok(screen.includes('10%$(id) 3h12m '), JSON.stringify(screen));
    });
  });
}
