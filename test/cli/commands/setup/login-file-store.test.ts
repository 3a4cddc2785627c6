import assert from 'node:assert/strict';
import { ScriptedDaemon } from '../../../support/daemon/scripted-daemon.ts';
import { runInTerminal, type TerminalStep } from '../../../support/processes/pseudo-terminal.ts';
import { runCli } from '../../../support/processes/run-cli.ts';
import {
  closedStatus,
  oauthToken,
  openStatus,
  passphrase,
  scriptWithStore,
} from '../daily/file-store-fixtures.ts';

describe('iam-token login with the file store', () => {
  let daemon: ScriptedDaemon;

  beforeEach(async () => {
    daemon = await ScriptedDaemon.start(scriptWithStore(closedStatus('needed'), 'opened'));
  });
  afterEach(() => daemon.close());

  const loginInTerminal = (steps: readonly TerminalStep[]) =>
    runInTerminal(['login', '--oauth'], steps, { socket: daemon.socketPath });

  const newQuestion = 'New passphrase (not shown): ';
  const confirmQuestion = 'Repeat the passphrase: ';
  const oauthQuestion = 'OAuth token (not shown): ';

  it('creates the store first, if there is none', async () => {
    daemon.setScript(scriptWithStore(closedStatus('new'), 'made'));
    const { code, screen, echo } = await loginInTerminal([
      { expect: newQuestion, type: [passphrase, '\r'] },
      { expect: confirmQuestion, type: [passphrase, '\r'] },
      { expect: oauthQuestion, type: [oauthToken, '\r'] },
    ]);
    assert.equal(code, 0, screen);
    assert.deepEqual(echo, [false, false, false, true]);
    const calls = daemon.requests.filter(({ method }) => method === 'unlock' || method === 'login');
    assert.deepEqual(
      calls.map(({ method, params }) => [method, params]),
      [
        ['unlock', { passphrase }],
        ['login', { kind: 'oauth', secret: oauthToken }],
      ],
    );
    assert.ok(!screen.includes('cAnArY'));
  });

  it('exits with 2 if it cannot prompt for the new passphrase', async () => {
    daemon.setScript(scriptWithStore(closedStatus('new'), 'made'));
    const { stderr, code } = await runCli(['login', '--stdin'], {
      socket: daemon.socketPath,
      stdin: oauthToken,
    });
    assert.match(stderr, /cannot prompt for the passphrase.*\n.*iam-token unlock --stdin < FILE\n$/);
    assert.equal(code, 2);
  });

  for (const [what, daemonStatus, expectedOutput] of [
    ['a locked daemon', { ...openStatus, locked: true }, 'the daemon is locked'],
    ['a locked daemon without a store', { ...closedStatus('new'), locked: true }, 'the daemon is locked'],
    ['a locked file store', closedStatus('needed'), 'the file store is locked'],
  ] as const) {
    it(`exits with 6 before the prompt for ${what}`, async () => {
      daemon.setScript(scriptWithStore(daemonStatus, 'opened'));
      const { screen, code } = await loginInTerminal([]);
      assert.equal(screen, `iam-token: error: ${expectedOutput}\r\niam-token: hint: iam-token unlock\r\n`);
      assert.equal(code, 6);
      assert.deepEqual(
        daemon.requests.filter(({ method }) => method === 'unlock'),
        [],
      );
    });
  }
});
