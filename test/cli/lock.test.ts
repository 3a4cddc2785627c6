import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DaemonStatus } from '../../src/protocol/messages.ts';
import { runInTerminal, type Step } from '../support/pseudo-terminal.ts';
import { runCli } from '../support/run-cli.ts';
import { answering, failing, type Script, ScriptedDaemon } from '../support/scripted-daemon.ts';

const hello = { version: '0.1.0', protocol: 1 };
const passphrase = 'correct hörse cAnArY';
const oauthToken = 'y0_AgAAAABcanary';
const login = { profile: 'default', subject: 'aje0ada', expiresAt: '2026-11-24T22:04:05.000Z' };

const open: DaemonStatus = {
  version: '0.1.0',
  pid: 42,
  startedAt: '2026-11-24T08:00:00.000Z',
  store: { kind: 'file', state: 'open', problem: null },
};
const closed = (asked: 'needed' | 'new'): DaemonStatus => ({
  ...open,
  store: {
    kind: 'file',
    state: 'closed',
    problem: { code: 'locked', message: 'the file store is locked', hint: 'iam-token unlock' },
    passphrase: asked,
  },
});

const status = (daemon: DaemonStatus): object => ({ daemon, profiles: [], next: null });
const withStore = (daemon: DaemonStatus, outcome: 'made' | 'opened' | 'was_open'): Script =>
  answering({ hello, status: status(daemon), unlock: { outcome }, login });

describe('iam-token lock', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(answering({}));
  });
  afterEach(() => daemon.close());

  for (const [outcome, said] of [
    ['locked', 'locked: there are no tokens until iam-token unlock'],
    ['was_locked', 'it was locked already; iam-token unlock ends that'],
  ] as const) {
    it(`says so when the daemon ${outcome.replace('_', ' ')}`, async () => {
      daemon.become(answering({ lock: { outcome } }));
      const run = await runCli(['lock'], { socket: daemon.socketPath });
      assert.deepEqual(run, { stdout: `${said}\n`, stderr: '', code: 0 });
    });
  }

  it('is why there is no token, with the way out and exit code 6', async () => {
    daemon.become(failing({ code: 'locked', message: 'the daemon is locked', hint: 'iam-token unlock' }));
    assert.deepEqual(await runCli([], { socket: daemon.socketPath }), {
      stdout: '',
      stderr: 'iam-token: error: the daemon is locked\niam-token: hint: iam-token unlock\n',
      code: 6,
    });
  });
});

describe('iam-token unlock', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(withStore(closed('needed'), 'opened'));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[] = [], stdin = '') =>
    runCli(['unlock', ...args], { socket: daemon.socketPath, stdin });
  const inTerminal = (steps: readonly Step[], args: readonly string[] = ['unlock']) =>
    runInTerminal(args, steps, { socket: daemon.socketPath });
  const given = (): readonly unknown[] =>
    daemon.requests.filter(({ method }) => method === 'unlock').map(({ params }) => params);

  const question = 'Passphrase of the file store (not shown): ';
  const newQuestion = 'New passphrase (not shown): ';
  const again = 'The same once more: ';

  it('takes the passphrase from one line of stdin', async () => {
    assert.deepEqual(await run(['--stdin'], `${passphrase}\nmore\n`), {
      stdout: 'unlocked\n',
      stderr: '',
      code: 0,
    });
    assert.deepEqual(given(), [{ passphrase }]);
  });

  it('asks for it at a hidden prompt, and puts the terminal back', async () => {
    const { screen, code, echo } = await inTerminal([{ expect: question, type: [passphrase, '\r'] }]);
    assert.equal(screen, `${question}\r\nunlocked\r\n`);
    assert.deepEqual([code, echo], [0, [false, true]]);
    assert.deepEqual(given(), [{ passphrase }]);
  });

  it('asks for a new one twice, shows nothing of it, and puts the terminal back', async () => {
    daemon.become(withStore(closed('new'), 'made'));
    const { screen, code, echo } = await inTerminal([
      { expect: newQuestion, type: [passphrase, '\r'] },
      { expect: again, type: [passphrase, '\r'] },
    ]);
    assert.match(screen, /^There is no file store yet\. Choose a passphrase/);
    assert.ok(
      screen.endsWith(`${newQuestion}\r\n${again}\r\nmade the file store, and opened it\r\n`),
      screen,
    );
    assert.deepEqual([code, echo], [0, [false, false, true]]);
    assert.deepEqual(given(), [{ passphrase }]);
  });

  it('hides what is typed for --stdin too, and asks for a new one twice', async () => {
    daemon.become(withStore(closed('new'), 'made'));
    const { code, screen } = await inTerminal(
      [
        { expect: newQuestion, type: [passphrase, '\r'] },
        { expect: again, type: [passphrase, '\r'] },
      ],
      ['unlock', '--stdin'],
    );
    assert.equal(code, 0);
    assert.ok(!screen.includes('cAnArY'));
  });

  it('takes a new one from stdin once', async () => {
    daemon.become(withStore(closed('new'), 'made'));
    assert.equal((await run(['--stdin'], passphrase)).stdout, 'made the file store, and opened it\n');
    assert.deepEqual(given(), [{ passphrase }]);
  });

  it('refuses two that differ, and sends nothing', async () => {
    daemon.become(withStore(closed('new'), 'made'));
    const { screen, code, echo } = await inTerminal([
      { expect: newQuestion, type: [passphrase, '\r'] },
      { expect: again, type: [`${passphrase}!`, '\r'] },
    ]);
    assert.ok(screen.includes('iam-token: error: these were two different passphrases\r\n'), screen);
    assert.deepEqual([code, echo.at(-1)], [2, true]);
    assert.deepEqual(given(), []);
  });

  it('refuses an empty one, however it comes', async () => {
    for (const which of ['needed', 'new'] as const) {
      daemon.become(withStore(closed(which), 'opened'));
      const { code, screen, echo } = await inTerminal([{ expect: '(not shown): ', type: ['\r'] }]);
      assert.ok(screen.endsWith('iam-token: error: no passphrase was given\r\n'), screen);
      assert.deepEqual([code, echo], [2, [false, true]]);
      for (const stdin of ['', '\n', ' \n']) {
        assert.deepEqual(await run(['--stdin'], stdin), {
          stdout: '',
          stderr: 'iam-token: error: no passphrase was given\n',
          code: 2,
        });
      }
    }
    assert.deepEqual(given(), []);
  });

  it('ends with 130 on Ctrl-C at either question, and puts the terminal back', async () => {
    daemon.become(withStore(closed('new'), 'made'));
    for (const steps of [
      [{ expect: newQuestion, type: [passphrase, '\x03'] }],
      [
        { expect: newQuestion, type: [passphrase, '\r'] },
        { expect: again, type: ['\x03'] },
      ],
    ]) {
      const { code, echo } = await inTerminal(steps);
      assert.deepEqual([code, echo.at(-1)], [130, true]);
    }
    assert.deepEqual(given(), []);
  });

  it('ends with 2 and a way out where there is neither a terminal nor --stdin', async () => {
    assert.deepEqual(await run([], passphrase), {
      stdout: '',
      stderr:
        'iam-token: error: there is no terminal to ask for the passphrase of the file store\n' +
        'iam-token: hint: give it on one line of stdin: iam-token unlock --stdin < FILE\n',
      code: 2,
    });
    assert.deepEqual(given(), []);
  });

  it('asks for none, and reads none, where the store takes none', async () => {
    for (const [outcome, said] of [
      ['opened', 'unlocked\n'],
      ['was_open', 'nothing was locked\n'],
    ] as const) {
      daemon.become(withStore({ ...open, locked: true }, outcome));
      for (const args of [[], ['--stdin']]) {
        assert.deepEqual(await run(args, passphrase), { stdout: said, stderr: '', code: 0 });
      }
    }
    assert.deepEqual(given(), [{}, {}, {}, {}]);
  });

  it('says what a daemon of before its time says', async () => {
    daemon.become(answering({ hello, status: status(open) }));
    assert.deepEqual(await run(), {
      stdout: '',
      stderr: 'iam-token: error: there is no such method\n',
      code: 1,
    });
  });

  it('names a wrong passphrase, and does not repeat it', async () => {
    daemon.become((request, peer) => {
      if (request.method === 'hello') peer.answer(request, hello);
      else if (request.method === 'status') peer.answer(request, status(closed('needed')));
      else peer.fail(request, { code: 'locked', message: 'this passphrase does not open the file store' });
    });
    assert.deepEqual(await run(['--stdin'], passphrase), {
      stdout: '',
      stderr: 'iam-token: error: this passphrase does not open the file store\n',
      code: 6,
    });
  });

  it('is refused before it asks, where the folder of the socket is not ours alone', async () => {
    chmodSync(dirname(daemon.socketPath), 0o755);
    const { screen, code } = await inTerminal([]);
    assert.equal(code, 2);
    assert.match(screen, /^iam-token: error: unlock is refused on a socket whose folder is not yours alone/);
    assert.deepEqual(daemon.requests, []);
  });

  describe('before a login', () => {
    const oauthQuestion = 'OAuth token (not shown): ';

    it('comes of itself where there is no store yet', async () => {
      daemon.become(withStore(closed('new'), 'made'));
      const { code, screen, echo } = await inTerminal(
        [
          { expect: newQuestion, type: [passphrase, '\r'] },
          { expect: again, type: [passphrase, '\r'] },
          { expect: oauthQuestion, type: [oauthToken, '\r'] },
        ],
        ['login'],
      );
      assert.equal(code, 0, screen);
      assert.deepEqual(echo, [false, false, false, true]);
      const asked = daemon.requests.filter(({ method }) => method === 'unlock' || method === 'login');
      assert.deepEqual(
        asked.map(({ method, params }) => [method, params]),
        [
          ['unlock', { passphrase }],
          ['login', { kind: 'oauth', secret: oauthToken }],
        ],
      );
      assert.ok(!screen.includes('cAnArY'));
    });

    it('does not come where a new passphrase cannot be asked for', async () => {
      daemon.become(withStore(closed('new'), 'made'));
      const { stderr, code } = await runCli(['login', '--stdin'], {
        socket: daemon.socketPath,
        stdin: oauthToken,
      });
      assert.match(stderr, /no terminal to ask for the passphrase.*\n.*iam-token unlock --stdin < FILE\n$/);
      assert.equal(code, 2);
    });

    for (const [what, daemonStatus, said] of [
      ['a locked daemon', { ...open, locked: true }, 'the daemon is locked'],
      ['a locked daemon without a store', { ...closed('new'), locked: true }, 'the daemon is locked'],
      ['a closed file store', closed('needed'), 'the file store is locked'],
    ] as const) {
      it(`is asked for by a login that meets ${what}, which asks nothing else`, async () => {
        daemon.become(withStore(daemonStatus, 'opened'));
        const { screen, code } = await inTerminal([], ['login']);
        assert.equal(screen, `iam-token: error: ${said}\r\niam-token: hint: iam-token unlock\r\n`);
        assert.equal(code, 6);
        assert.deepEqual(given(), []);
      });
    }
  });
});
