import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { respondWith, ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal, type TerminalStep } from '../../../support/processes/pseudo-terminal.ts';
import { clientBundle, runCli } from '../../../support/processes/run-cli.ts';
import {
  closedStatus,
  createStatusResult,
  helloResult,
  openStatus,
  passphrase,
  scriptWithStore,
} from './file-store-fixtures.ts';

describe('iam-token unlock', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(scriptWithStore(closedStatus('needed'), 'opened'));
  });
  afterEach(() => daemon.close());

  const run = (args: readonly string[] = [], stdin = '') =>
    runCli(['unlock', ...args], { socket: daemon.socketPath, stdin });
  const runSteps = (steps: readonly TerminalStep[], args: readonly string[] = ['unlock']) =>
    runInTerminal(args, steps, { socket: daemon.socketPath });
  const unlockParams = (): readonly unknown[] =>
    daemon.requests.filter(({ method }) => method === 'unlock').map(({ params }) => params);

  const question = 'Passphrase of the file store (not shown): ';
  const newQuestion = 'New passphrase (not shown): ';
  const confirmQuestion = 'Repeat the passphrase: ';

  it('reads the passphrase from one line of stdin', async () => {
    assert.deepEqual(await run(['--stdin'], `${passphrase}\nmore\n`), {
      stdout: 'unlocked\n',
      stderr: '',
      code: 0,
    });
    assert.deepEqual(unlockParams(), [{ passphrase }]);
  });

  it('prompts without echo, and restores the terminal', async () => {
    const { screen, code, echo } = await runSteps([{ expect: question, type: [passphrase, '\r'] }]);
    assert.equal(screen, `${question}\r\nunlocked\r\n`);
    assert.deepEqual([code, echo], [0, [false, true]]);
    assert.deepEqual(unlockParams(), [{ passphrase }]);
  });

  it('18.7: is suspended by Ctrl-Z at the prompt, and continues there without echo', async () => {
    const script = `set -m; "$@"; echo "stopped: $?"; read -r line; echo "typed: $line"; fg; echo "ended: $?"`;
    const { screen, code, echo } = await runInTerminal(
      ['unlock'],
      [
        { expect: question, type: [passphrase.slice(0, 3), '\x1a'] },
        { expect: 'stopped: 148', type: ['visible\r'] },
        { expect: `typed: visible\r\n`, type: [passphrase.slice(3), '\r'] },
      ],
      {
        socket: daemon.socketPath,
        program: ['bash', '--norc', '-c', script, 'bash', process.execPath, clientBundle],
      },
    );
    assert.match(screen, /unlocked\r\nended: 0\r\n$/);
    assert.ok(!screen.includes(passphrase.slice(3)), screen);
    assert.deepEqual([code, echo.slice(0, 2), echo.at(-1)], [0, [false, true], true]);
    assert.deepEqual(unlockParams(), [{ passphrase }]);
  });

  it('18.7: goes on after Ctrl-Z where nothing can continue it', async () => {
    const { screen, code } = await runSteps([{ expect: question, type: ['\x1a', passphrase, '\r'] }]);
    assert.equal(screen, `${question}\r\n${question}\r\nunlocked\r\n`);
    assert.equal(code, 0);
  });

  it('prompts twice for a new passphrase without echo, and restores the terminal', async () => {
    daemon.setScript(scriptWithStore(closedStatus('new'), 'made'));
    const { screen, code, echo } = await runSteps([
      { expect: newQuestion, type: [passphrase, '\r'] },
      { expect: confirmQuestion, type: [passphrase, '\r'] },
    ]);
    assert.match(screen, /^Choose a passphrase for the new file store\./);
    assert.ok(
      screen.endsWith(`${newQuestion}\r\n${confirmQuestion}\r\ncreated and opened the file store\r\n`),
      screen,
    );
    assert.deepEqual([code, echo], [0, [false, false, true]]);
    assert.deepEqual(unlockParams(), [{ passphrase }]);
  });

  it('prompts without echo with --stdin too, if stdin is a terminal', async () => {
    daemon.setScript(scriptWithStore(closedStatus('new'), 'made'));
    const { code, screen } = await runSteps(
      [
        { expect: newQuestion, type: [passphrase, '\r'] },
        { expect: confirmQuestion, type: [passphrase, '\r'] },
      ],
      ['unlock', '--stdin'],
    );
    assert.equal(code, 0);
    assert.ok(!screen.includes('cAnArY'));
  });

  it('reads a new passphrase from stdin once', async () => {
    daemon.setScript(scriptWithStore(closedStatus('new'), 'made'));
    assert.equal((await run(['--stdin'], passphrase)).stdout, 'created and opened the file store\n');
    assert.deepEqual(unlockParams(), [{ passphrase }]);
  });

  it('rejects two different passphrases, and sends nothing', async () => {
    daemon.setScript(scriptWithStore(closedStatus('new'), 'made'));
    const { screen, code, echo } = await runSteps([
      { expect: newQuestion, type: [passphrase, '\r'] },
      { expect: confirmQuestion, type: [`${passphrase}!`, '\r'] },
    ]);
    assert.ok(screen.includes('iam-token: error: the passphrases do not match\r\n'), screen);
    assert.deepEqual([code, echo.at(-1)], [2, true]);
    assert.deepEqual(unlockParams(), []);
  });

  it('rejects an empty passphrase from any source', async () => {
    for (const which of ['needed', 'new'] as const) {
      daemon.setScript(scriptWithStore(closedStatus(which), 'opened'));
      const { code, screen, echo } = await runSteps([{ expect: '(not shown): ', type: ['\r'] }]);
      assert.ok(screen.endsWith('iam-token: error: the passphrase is empty\r\n'), screen);
      assert.deepEqual([code, echo], [2, [false, true]]);
      for (const stdin of ['', '\n', ' \n']) {
        assert.deepEqual(await run(['--stdin'], stdin), {
          stdout: '',
          stderr: 'iam-token: error: the passphrase is empty\n',
          code: 2,
        });
      }
    }
    assert.deepEqual(unlockParams(), []);
  });

  it('exits with 130 on Ctrl-C at either prompt, and restores the terminal', async () => {
    daemon.setScript(scriptWithStore(closedStatus('new'), 'made'));
    for (const steps of [
      [{ expect: newQuestion, type: [passphrase, '\x03'] }],
      [
        { expect: newQuestion, type: [passphrase, '\r'] },
        { expect: confirmQuestion, type: ['\x03'] },
      ],
    ]) {
      const { code, echo } = await runSteps(steps);
      assert.deepEqual([code, echo.at(-1)], [130, true]);
    }
    assert.deepEqual(unlockParams(), []);
  });

  it('exits with 2 and a hint without a terminal and --stdin', async () => {
    assert.deepEqual(await run([], passphrase), {
      stdout: '',
      stderr:
        'iam-token: error: cannot prompt for the passphrase of the file store without a terminal\n' +
        'iam-token: hint: iam-token unlock --stdin < FILE\n',
      code: 2,
    });
    assert.deepEqual(unlockParams(), []);
  });

  it('neither prompts nor reads stdin if the store has no passphrase', async () => {
    for (const [outcome, expectedOutput] of [
      ['opened', 'unlocked\n'],
      ['was_open', 'already unlocked\n'],
    ] as const) {
      daemon.setScript(scriptWithStore({ ...openStatus, locked: true }, outcome));
      for (const args of [[], ['--stdin']]) {
        assert.deepEqual(await run(args, passphrase), { stdout: expectedOutput, stderr: '', code: 0 });
      }
    }
    assert.deepEqual(unlockParams(), [{}, {}, {}, {}]);
  });

  it('says how to restart a daemon that has no such method', async () => {
    daemon.setScript(respondWith({ hello: helloResult, status: createStatusResult(openStatus) }));
    const { stdout, stderr, code } = await run();
    assert.deepEqual([stdout, code], ['', 1]);
    assert.match(
      stderr,
      /^iam-token: error: the running daemon is older than this client and does not support the method unlock\niam-token: hint: .+\n$/,
    );
  });

  it('reports a wrong passphrase without printing it', async () => {
    daemon.setScript((request, peer) => {
      if (request.method === 'hello') peer.respond(request, helloResult);
      else if (request.method === 'status') peer.respond(request, createStatusResult(closedStatus('needed')));
      else peer.fail(request, { code: 'locked', message: 'this passphrase does not open the file store' });
    });
    assert.deepEqual(await run(['--stdin'], passphrase), {
      stdout: '',
      stderr: 'iam-token: error: this passphrase does not open the file store\n',
      code: 6,
    });
  });

  it('is refused before the prompt if other users can access the folder of the socket', async () => {
    chmodSync(dirname(daemon.socketPath), 0o755);
    const { screen, code } = await runSteps([]);
    assert.equal(code, 2);
    assert.match(screen, /^iam-token: error: unlock is refused on this socket: its folder is not private/);
    assert.deepEqual(daemon.requests, []);
  });
});
