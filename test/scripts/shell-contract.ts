import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ProfileStatus } from '../../src/protocol/messages.ts';
import { runInTerminal, type Step } from '../support/pseudo-terminal.ts';
import { bundle } from '../support/run-cli.ts';
import { answering, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export interface Shell {
  readonly name: 'bash' | 'zsh' | 'fish';
  /** Where it looks for its start file, below HOME, and what a person writes there, with a prompt that counts. */
  readonly startFile: string;
  readonly start: string;
  /** What a person adds for our prompt. */
  readonly prompt: string;
  readonly interactive: readonly string[];
  /** Runs one text, without the start file. */
  readonly run: readonly string[];
  /** How what is printed for a prompt shows a `%`. */
  readonly percent: string;
}

/** All that a name may have and a shell takes for its own; each begins with a letter of its own. */
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
  'n  ',
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

function statusAnswer(...profiles: readonly Partial<ProfileStatus>[]) {
  const daemon = {
    version: '0.1.0',
    pid: 7,
    startedAt: '2026-11-24T10:00:00.000Z',
    manager: null,
    store: { kind: 'memory', state: 'open', problem: null },
  };
  return { daemon, profiles: profiles.map((each) => ({ ...status, ...each })), next: null };
}

function knowing(...profiles: readonly string[]): Script {
  return answering({
    profiles: {
      profiles: profiles.map((profile) => ({ profile, isDefault: profile === 'work', kind: 'oauth' })),
      next: null,
    },
    use: (params: { profile: string }) => params,
    token: { token: 't1.a', expiresAt: status.expiresAt, profile: 'work', subject: null },
    status: statusAnswer({}),
  });
}

/** What a person meets at Tab and at the prompt, in a real shell. */
export function holdToShellContract(shell: Shell): void {
  const folder = temporaryFolder();
  let daemon: ScriptedDaemon;
  let env: Record<string, string>;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(knowing(...names));
    symlinkSync(bundle, join(folder(), 'iam-token'));
    env = { PATH: `${folder()}:${process.env['PATH']}`, HOME: folder(), LANG: 'C.UTF-8' };
  });
  afterEach(() => daemon.close());

  /** Types each line at a prompt of its own; a tab is typed apart from what comes after it. */
  const type = (lines: readonly string[], { socket = daemon.socketPath, prompt = '' } = {}) => {
    mkdirSync(dirname(join(folder(), shell.startFile)), { recursive: true });
    writeFileSync(join(folder(), shell.startFile), `${shell.start}\n${prompt}\n`);
    const steps: readonly Step[] = [...lines, 'exit'].map((line, at) => ({
      expect: `ready${at + 1}:`,
      type: [...line.split(/(?<=\t)/), '\r'],
    }));
    return runInTerminal([], steps, { socket, env, program: shell.interactive });
  };

  const asked = (method: string) => daemon.requests.filter((request) => request.method === method);
  const used = () => asked('use').map(({ params }) => (params as { profile: string }).profile);

  it('finishes commands, options and their values', async () => {
    const { screen } = await type(['iam-token create-t\t--form\tj\t']);
    assert.match(screen, /\{"iam_token":"t1\.a",/);
  });

  for (const [how, quote] of [
    ['without quotes', ''],
    ['in single quotes', "'"],
    ['in double quotes', '"'],
  ] as const) {
    it(`finishes the name of a profile ${how}, whatever it is made of`, async () => {
      await type(names.map((name) => `iam-token use ${quote}${name.charAt(0)}\t`));
      assert.deepEqual(used(), names);
    });
  }

  it('finishes a name that was begun in the middle of a word, and one that looks like an option', async () => {
    daemon.become(knowing('work', 'my prod', 'my play', 'tom@cat', '-odd', '--help'));
    await type([
      'iam-token use my\tr\t',
      'iam-token use tom@\t',
      'iam-token use -- -o\t',
      'iam-token use -- --\t',
      'iam-token status --json --profile=--h\t',
      'iam-token status --json --profile wo\t',
    ]);
    assert.deepEqual(used(), ['my prod', 'tom@cat', '-odd', '--help']);
    assert.deepEqual(
      asked('status').map(({ params }) => params),
      [{ profile: '--help' }, { profile: 'work' }],
    );
  });

  it('finishes the name of a file where one is wanted', async () => {
    writeFileSync(join(folder(), 'key of mine.json'), 'no key');
    const { screen } = await type(['cd', 'iam-token login --service-account-key key\t']);
    assert.match(screen, /key\W{1,2}of\W{1,2}mine\.json/);
  });

  it('says nothing, and goes on, where there is no daemon or it does not answer', async () => {
    daemon.become(() => undefined);
    for (const socket of ['/nowhere/ipc.sock', daemon.socketPath]) {
      const { screen } = await type(['iam-token use a\t\x15echo still he""re'], { socket });
      assert.match(screen, /still here/);
      assert.doesNotMatch(screen, /error|hint/);
    }
    assert.equal(asked('profiles').length, 1);
  });

  describe('at the prompt', () => {
    const prompt = async (more: Readonly<Record<string, string>> = {}): Promise<string> => {
      const [program = '', ...args] = shell.run;
      const socket = { IAM_TOKEND_SOCKET: daemon.socketPath };
      const { stdout, stderr } = await promisify(execFile)(program, args, {
        env: { ...env, ...socket, ...more },
      });
      assert.equal(stderr, '');
      return stdout;
    };

    const shown: readonly (readonly [string, Partial<ProfileStatus>, string])[] = [
      ['hours and minutes', {}, 'work 3h12m '],
      ['minutes', { timeLeftMs: 59 * 60_000 }, 'work 59m '],
      ['that the renewal fails', { state: 'failing' }, 'work 3h12m! '],
      ['what is wrong', { state: 'login_required', timeLeftMs: null }, 'work login required '],
      ['no escape that acts', { profile: '\u2028"10%"' }, `\\u2028"10${shell.percent}" 3h12m `],
    ];
    for (const [what, given, expected] of shown) {
      it(`shows ${what}, for one question to the daemon`, async () => {
        daemon.become(
          answering({ status: statusAnswer({ profile: 'a', isDefault: false, timeLeftMs: 1 }, given) }),
        );
        assert.equal(await prompt(), expected);
        assert.deepEqual(
          daemon.requests.map(({ method }) => method),
          ['status'],
        );
      });
    }

    it('shows the profile that the environment names', async () => {
      daemon.become(answering({ status: statusAnswer({ profile: 'my prod', isDefault: false }) }));
      assert.equal(await prompt({ IAM_TOKEND_PROFILE: 'my prod' }), 'my prod 3h12m ');
      assert.deepEqual(daemon.requests[0]?.params, { profile: 'my prod' });
    });

    it('shows nothing without a profile, without an answer, and without a daemon', async () => {
      daemon.become(answering({ status: statusAnswer() }));
      assert.equal(await prompt(), '');
      daemon.become(() => undefined);
      assert.equal(await prompt(), '');
      assert.equal(await prompt({ IAM_TOKEND_SOCKET: '/nowhere/ipc.sock' }), '');
    });

    it('stands in the real one', async () => {
      daemon.become(answering({ status: statusAnswer({ profile: '10%$(id)' }) }));
      const { screen } = await type([], { prompt: shell.prompt });
      assert.ok(screen.includes('10%$(id) 3h12m '), JSON.stringify(screen));
    });
  });
}
