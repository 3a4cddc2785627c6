import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { encodeFrame } from '../../../src/protocol/envelope.ts';
import type { DaemonStatus, ProfileStatus } from '../../../src/protocol/method-types.ts';
import {
  runInTerminal,
  type TerminalStep,
  type TerminalRun,
} from '../../support/processes/pseudo-terminal.ts';
import {
  oauthToken,
  type CommandResult,
  type TestEnvironment,
  startTestEnvironment,
} from '../../support/test-environment.ts';
import { waitUntil } from '../../support/wait-until.ts';

const passphrase = 'correct hörse cAnArY battery';
const exchangeCall = 'POST /iam/v1/tokens';

const storePath = ({ folder }: TestEnvironment): string => join(folder, 'state', 'iam-tokend', 'store');

const summarize = ({ code, stderr }: CommandResult): readonly [number | null, string] => [
  code,
  stderr.replaceAll('iam-token: ', ''),
];

async function readStatus(testEnv: TestEnvironment): Promise<{
  readonly daemon: DaemonStatus;
  readonly profiles: readonly ProfileStatus[];
}> {
  return JSON.parse((await testEnv.iamToken(['status', '--json'])).stdout) as {
    readonly daemon: DaemonStatus;
    readonly profiles: readonly ProfileStatus[];
  };
}

function runInTestTerminal(
  testEnv: TestEnvironment,
  args: readonly string[],
  steps: readonly TerminalStep[],
): Promise<TerminalRun> {
  return runInTerminal(args, steps, { socket: testEnv.socketPath, env: testEnv.environment });
}

describe('file store with a passphrase', () => {
  let testEnv: TestEnvironment;
  let token: string;

  before(async () => {
    testEnv = await startTestEnvironment({ store: 'file' });
    await testEnv.startDaemon();
  });
  after(() => testEnv.stop());

  const unlock = (passphraseInput = passphrase): Promise<CommandResult> =>
    testEnv.iamToken(['unlock', '--stdin'], `${passphraseInput}\n`);

  it('requires a passphrase before the first login', async () => {
    const { daemon } = await readStatus(testEnv);
    assert.deepEqual([daemon.locked, daemon.store.state, daemon.store.passphrase], [false, 'closed', 'new']);
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin'], oauthToken);
    assert.equal(code, 2);
    assert.match(stderr, /hint: iam-token unlock --stdin < FILE\n$/);
  });

  it('prompts for a new passphrase at the first login, and does not echo it', async () => {
    const { screen, code } = await runInTestTerminal(
      testEnv,
      ['login', '--oauth'],
      [
        { expect: 'New passphrase (not shown): ', type: [passphrase, '\r'] },
        { expect: 'Repeat the passphrase: ', type: [passphrase, '\r'] },
        { expect: 'OAuth token (not shown): ', type: [oauthToken, '\r'] },
      ],
    );
    assert.equal(code, 0, screen);
    assert.match(screen, /logged in as aje/);
    assert.doesNotMatch(screen, /cAnArY|canary/);
    token = (await testEnv.iamToken()).stdout;
    assert.match(token, /^t1\./);
    assert.equal(statSync(storePath(testEnv)).mode & 0o777, 0o600);
  });

  it('serves no token once it is locked, notifies subscribers, and has a hint', async () => {
    const socket = connect(testEnv.socketPath).setEncoding('utf8');
    let received = '';
    socket.on('data', (piece: string) => (received += piece));
    socket.write(encodeFrame({ v: 1, id: 1, method: 'subscribe' }));
    await waitUntil(() => received.includes('"id":1'), 'the subscription has started');
    assert.equal((await testEnv.iamToken(['lock'])).code, 0);
    await waitUntil(() => received.includes('"event":"locked"'), 'the subscriber is notified');
    socket.destroy();
    const lockedResult = [6, 'error: the daemon is locked\nhint: iam-token unlock\n'];
    for (const args of [[], ['refresh'], ['--profile', 'missing']]) {
      assert.deepEqual(summarize(await testEnv.iamToken(args)), lockedResult, args.join(' '));
    }
    assert.deepEqual(summarize(await testEnv.iamToken(['login', '--stdin'], oauthToken)), lockedResult);
    const { daemon, profiles } = await readStatus(testEnv);
    assert.deepEqual(
      [daemon.locked, daemon.store.state, daemon.store.passphrase],
      [true, 'closed', 'needed'],
    );
    assert.deepEqual([profiles[0]?.state, profiles[0]?.expiresAt], ['locked', null]);
  });

  it('stays locked across a restart', async () => {
    await testEnv.stopDaemon();
    await testEnv.startDaemon();
    assert.equal((await testEnv.iamToken()).code, 6);
    assert.equal((await readStatus(testEnv)).daemon.locked, true);
  });

  it('reports a wrong passphrase, stays locked, and loses nothing', async () => {
    const before = readFileSync(storePath(testEnv));
    const { code, stderr } = await unlock('correct mouse cAnArY');
    assert.equal(code, 6);
    assert.match(stderr, /error: wrong passphrase for the file store \/.*\n.*try again: iam-token unlock/);
    assert.doesNotMatch(stderr, /cAnArY/);
    assert.deepEqual(readFileSync(storePath(testEnv)), before);
    assert.equal((await testEnv.iamToken()).code, 6);
  });

  it('serves the same token after the correct passphrase, without a call to IAM', async () => {
    const before = testEnv.emulator.countRequests(exchangeCall);
    assert.deepEqual(await unlock(), { stdout: 'unlocked\n', stderr: '', code: 0 });
    assert.equal((await testEnv.iamToken()).stdout, token);
    assert.equal(testEnv.emulator.countRequests(exchangeCall), before);
    assert.deepEqual((await unlock()).stdout, 'already unlocked\n');
  });

  it('is closed after a crash without a lock, and opens with a prompt', async () => {
    await testEnv.stopDaemon('SIGKILL');
    await testEnv.startDaemon();
    assert.deepEqual(summarize(await testEnv.iamToken()), [
      6,
      'error: the file store is locked\nhint: iam-token unlock\n',
    ]);
    assert.deepEqual(summarize(await testEnv.iamToken(['login', '--stdin'], oauthToken))[0], 6);
    const { screen } = await runInTestTerminal(
      testEnv,
      ['unlock'],
      [{ expect: 'Passphrase of the file store (not shown): ', type: [passphrase, '\r'] }],
    );
    assert.match(screen, /unlocked\r\n$/);
    assert.equal((await testEnv.iamToken()).stdout, token);
  });

  it('reports a truncated store, and works again from a copy', async () => {
    await testEnv.stopDaemon();
    const copy = `${storePath(testEnv)}.copy`;
    copyFileSync(storePath(testEnv), copy);
    truncateSync(storePath(testEnv), 100);
    await testEnv.startDaemon();
    assert.match(
      (await testEnv.iamToken()).stderr,
      /error: the file store \/.* is damaged\n.*hint: restore it from a backup/,
    );
    assert.match((await unlock()).stderr, /is damaged/);
    copyFileSync(copy, storePath(testEnv));
    assert.equal((await unlock()).code, 0);
    assert.equal((await testEnv.iamToken()).stdout, token);
  });

  it('rejects a second daemon with the same store', async () => {
    const otherFolder = join(testEnv.folder, 'other');
    mkdirSync(otherFolder, { mode: 0o700 });
    writeFileSync(join(otherFolder, 'config.yaml'), 'store: file');
    const { code, stderr } = await testEnv.iamTokend([
      '--config',
      join(otherFolder, 'config.yaml'),
      '--socket',
      join(otherFolder, 'ipc.sock'),
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /another iam-tokend is running \(it holds .*store\.lock\)/);
  });
});

describe('file store with a key', () => {
  let testEnv: TestEnvironment;

  afterEach(() => testEnv.stop());

  async function assertServesAfterRestart(
    extraEnvironment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await testEnv.startDaemon([], extraEnvironment);
    assert.equal((await testEnv.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const { stdout } = await testEnv.iamToken();
    await testEnv.stopDaemon();
    await testEnv.startDaemon([], extraEnvironment);
    assert.equal((await testEnv.iamToken()).stdout, stdout);
    assert.equal((await testEnv.iamToken(['lock'])).code, 0);
    await testEnv.stopDaemon();
    await testEnv.startDaemon([], extraEnvironment);
    assert.equal((await testEnv.iamToken()).code, 6);
    assert.deepEqual(await testEnv.iamToken(['unlock']), { stdout: 'unlocked\n', stderr: '', code: 0 });
    assert.equal((await testEnv.iamToken()).stdout, stdout);
    assert.ok(!readFileSync(storePath(testEnv), 'latin1').includes(oauthToken));
  }

  it('creates a key file with the store, and opens by itself after a restart', async () => {
    testEnv = await startTestEnvironment({ store: 'file' });
    const path = join(testEnv.folder, 'key');
    writeFileSync(join(testEnv.folder, 'config', 'iam-tokend', 'config.yaml'), `file: { key-file: ${path} }`);
    await assertServesAfterRestart();
    assert.deepEqual([statSync(path).size, statSync(path).mode & 0o777], [32, 0o600]);
  });

  it('opens by itself after a restart with a systemd credential', async () => {
    testEnv = await startTestEnvironment({ store: 'file', config: 'file: { credential: store-key }' });
    const folder = join(testEnv.folder, 'credentials');
    mkdirSync(folder);
    writeFileSync(join(folder, 'store-key'), 'k'.repeat(32));
    await assertServesAfterRestart({ CREDENTIALS_DIRECTORY: folder });
  });

  it('reports a missing systemd credential with a hint', async () => {
    testEnv = await startTestEnvironment({ store: 'file', config: 'file: { credential: store-key }' });
    await testEnv.startDaemon();
    const { code, stderr } = await testEnv.iamToken(['login', '--stdin'], oauthToken);
    assert.equal(code, 6);
    assert.match(stderr, /has no systemd credential store-key\n.*add LoadCredential=store-key:PATH/);
  });
});
