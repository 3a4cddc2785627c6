import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { encodeFrame } from '../../src/protocol/frames.ts';
import type { DaemonStatus, ProfileStatus } from '../../src/protocol/messages.ts';
import { runInTerminal, type Step, type TerminalRun } from '../support/pseudo-terminal.ts';
import { oauthToken, type Run, type RunningHouse, startHouse } from '../support/running-house.ts';
import { filesBelow, shownByProcesses } from '../support/traces.ts';
import { until } from '../support/until.ts';

const passphrase = 'correct hörse cAnArY battery';
const exchange = 'POST /iam/v1/tokens';

const storePath = ({ folder }: RunningHouse): string => join(folder, 'state', 'iam-tokend', 'store');

const said = ({ code, stderr }: Run): readonly [number | null, string] => [
  code,
  stderr.replaceAll('iam-token: ', ''),
];

async function statusOf(house: RunningHouse): Promise<{
  readonly daemon: DaemonStatus;
  readonly profiles: readonly ProfileStatus[];
}> {
  return JSON.parse((await house.iamToken(['status', '--json'])).stdout) as {
    readonly daemon: DaemonStatus;
    readonly profiles: readonly ProfileStatus[];
  };
}

function inTerminal(
  house: RunningHouse,
  args: readonly string[],
  steps: readonly Step[],
): Promise<TerminalRun> {
  return runInTerminal(args, steps, { socket: house.socketPath, env: house.environment });
}

describe('a machine without a keychain, with a passphrase', () => {
  let house: RunningHouse;
  let token: string;

  before(async () => {
    house = await startHouse({ store: 'file' });
    await house.startDaemon();
  });
  after(() => house.stop());

  const unlock = (typed = passphrase): Promise<Run> => house.iamToken(['unlock', '--stdin'], `${typed}\n`);

  it('says what is missing, at first', async () => {
    const { daemon } = await statusOf(house);
    assert.deepEqual([daemon.locked, daemon.store.state, daemon.store.passphrase], [false, 'closed', 'new']);
    const { code, stderr } = await house.iamToken(['login', '--stdin'], oauthToken);
    assert.equal(code, 2);
    assert.match(stderr, /hint: give it on one line of stdin: iam-token unlock --stdin < FILE\n$/);
  });

  it('has the passphrase chosen at the first login, and nobody sees it', async () => {
    const { screen, code } = await inTerminal(
      house,
      ['login'],
      [
        { expect: 'New passphrase (not shown): ', type: [passphrase, '\r'] },
        { expect: 'The same once more: ', type: [passphrase, '\r'] },
        { expect: 'OAuth token (not shown): ', type: [oauthToken, '\r'] },
      ],
    );
    assert.equal(code, 0, screen);
    assert.match(screen, /logged in as aje/);
    assert.doesNotMatch(screen, /cAnArY|canary/);
    token = (await house.iamToken()).stdout;
    assert.match(token, /^t1\./);
    assert.equal(statSync(storePath(house)).mode & 0o777, 0o600);
  });

  it('gives no token once it is locked, tells who subscribed, and says the way out', async () => {
    const socket = connect(house.socketPath).setEncoding('utf8');
    let heard = '';
    socket.on('data', (piece: string) => (heard += piece));
    socket.write(encodeFrame({ v: 1, id: 1, method: 'subscribe' }));
    await until(() => heard.includes('"id":1'), 'it is subscribed');
    assert.equal((await house.iamToken(['lock'])).code, 0);
    await until(() => heard.includes('"event":"locked"'), 'the subscriber hears it');
    socket.destroy();
    const locked = [6, 'error: the daemon is locked\nhint: iam-token unlock\n'];
    for (const args of [[], ['refresh'], ['--profile', 'nobody']]) {
      assert.deepEqual(said(await house.iamToken(args)), locked, args.join(' '));
    }
    assert.deepEqual(said(await house.iamToken(['login', '--stdin'], oauthToken)), locked);
    const { daemon, profiles } = await statusOf(house);
    assert.deepEqual(
      [daemon.locked, daemon.store.state, daemon.store.passphrase],
      [true, 'closed', 'needed'],
    );
    assert.deepEqual([profiles[0]?.state, profiles[0]?.expiresAt], ['locked', null]);
  });

  it('is locked after a restart, still', async () => {
    await house.stopDaemon();
    await house.startDaemon();
    assert.equal((await house.iamToken()).code, 6);
    assert.equal((await statusOf(house)).daemon.locked, true);
  });

  it('names a wrong passphrase, stays locked, and loses nothing', async () => {
    const before = readFileSync(storePath(house));
    const { code, stderr } = await unlock('correct house cAnArY');
    assert.equal(code, 6);
    assert.match(
      stderr,
      /error: this passphrase does not open the file store \/.*\n.*try again: iam-token unlock/,
    );
    assert.doesNotMatch(stderr, /cAnArY/);
    assert.deepEqual(readFileSync(storePath(house)), before);
    assert.equal((await house.iamToken()).code, 6);
  });

  it('serves the same token after the right one, and asks IAM for none', async () => {
    const before = house.emulator.count(exchange);
    assert.deepEqual(await unlock(), { stdout: 'unlocked\n', stderr: '', code: 0 });
    assert.equal((await house.iamToken()).stdout, token);
    assert.equal(house.emulator.count(exchange), before);
    assert.deepEqual((await unlock()).stdout, 'nothing was locked\n');
  });

  it('is closed after a restart that nobody locked it before, and opens at a prompt', async () => {
    await house.stopDaemon('SIGKILL');
    await house.startDaemon();
    assert.deepEqual(said(await house.iamToken()), [
      6,
      'error: the file store is locked\nhint: iam-token unlock\n',
    ]);
    assert.deepEqual(said(await house.iamToken(['login', '--stdin'], oauthToken))[0], 6);
    const { screen } = await inTerminal(
      house,
      ['unlock'],
      [{ expect: 'Passphrase of the file store (not shown): ', type: [passphrase, '\r'] }],
    );
    assert.match(screen, /unlocked\r\n$/);
    assert.equal((await house.iamToken()).stdout, token);
  });

  it('names a store that was cut, and serves again from a copy', async () => {
    await house.stopDaemon();
    const copy = `${storePath(house)}.copy`;
    copyFileSync(storePath(house), copy);
    truncateSync(storePath(house), 100);
    await house.startDaemon();
    assert.match(
      (await house.iamToken()).stderr,
      /error: the file store \/.* is cut or was changed\n.*hint: put a copy back/,
    );
    assert.match((await unlock()).stderr, /is cut or was changed/);
    copyFileSync(copy, storePath(house));
    assert.equal((await unlock()).code, 0);
    assert.equal((await house.iamToken()).stdout, token);
  });

  it('lets no second daemon write into the same store', async () => {
    const other = join(house.folder, 'other');
    mkdirSync(other, { mode: 0o700 });
    writeFileSync(join(other, 'config.yaml'), 'store: file');
    const { code, stderr } = await house.iamTokend([
      '--config',
      join(other, 'config.yaml'),
      '--socket',
      join(other, 'ipc.sock'),
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /another iam-tokend is at work \(.*store\.lock is held\)/);
  });
});

describe('a machine without a keychain, with a key', () => {
  let house: RunningHouse;

  afterEach(() => house.stop());

  async function servesAfterRestart(more: Readonly<Record<string, string>> = {}): Promise<void> {
    await house.startDaemon([], more);
    assert.equal((await house.iamToken(['login', '--stdin'], oauthToken)).code, 0);
    const { stdout } = await house.iamToken();
    await house.stopDaemon();
    await house.startDaemon([], more);
    assert.equal((await house.iamToken()).stdout, stdout);
    assert.equal((await house.iamToken(['lock'])).code, 0);
    await house.stopDaemon();
    await house.startDaemon([], more);
    assert.equal((await house.iamToken()).code, 6);
    assert.deepEqual(await house.iamToken(['unlock']), { stdout: 'unlocked\n', stderr: '', code: 0 });
    assert.equal((await house.iamToken()).stdout, stdout);
    assert.ok(!readFileSync(storePath(house), 'latin1').includes(oauthToken));
  }

  it('in a file makes it with the store, and serves after a restart unasked', async () => {
    house = await startHouse({ store: 'file' });
    const path = join(house.folder, 'key');
    writeFileSync(join(house.folder, 'config', 'iam-tokend', 'config.yaml'), `file: { key-file: ${path} }`);
    await servesAfterRestart();
    assert.deepEqual([statSync(path).size, statSync(path).mode & 0o777], [32, 0o600]);
  });

  it('from systemd serves after a restart unasked', async () => {
    house = await startHouse({ store: 'file', config: 'file: { credential: store-key }' });
    const folder = join(house.folder, 'credentials');
    mkdirSync(folder);
    writeFileSync(join(folder, 'store-key'), 'k'.repeat(32));
    await servesAfterRestart({ CREDENTIALS_DIRECTORY: folder });
  });

  it('that is not there names it, and what to do', async () => {
    house = await startHouse({ store: 'file', config: 'file: { credential: store-key }' });
    await house.startDaemon();
    const { code, stderr } = await house.iamToken(['login', '--stdin'], oauthToken);
    assert.equal(code, 6);
    assert.match(stderr, /was given no systemd credential store-key\n.*add LoadCredential=store-key:PATH/);
  });
});

describe('a passphrase, and what lies behind it', () => {
  let house: RunningHouse;
  let token: string;
  const seen: string[] = [];
  /** Of the keys of Object Storage, before the lock and before the logout. */
  const keys: string[] = [];
  /** All that the daemon could reach in its memory: before it was locked, after that, and after a logout. */
  const heaps: string[] = [];

  async function heapOf(pid: number): Promise<string> {
    let heap = '';
    process.kill(pid, 'SIGUSR2');
    await until(() => {
      const name = readdirSync(house.folder).find((file) => file.endsWith('.heapsnapshot'));
      if (name === undefined) return false;
      const path = join(house.folder, name);
      heap = readFileSync(path, 'utf8');
      if (!heap.trimEnd().endsWith('}')) return false;
      rmSync(path);
      return true;
    }, 'the heap is written');
    return heap;
  }

  before(async () => {
    house = await startHouse({ store: 'file', logLevel: 'debug' });
    const pid = await house.startDaemon([], {
      NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${house.folder}`,
    });
    const steps = [
      () => house.iamToken(['unlock', '--stdin'], passphrase),
      () => house.iamToken(['login', '--stdin'], oauthToken),
      () => house.iamToken(),
      () => house.iamToken(['unlock', '--stdin'], `${passphrase}x`),
      () => house.iamToken(['status', '--json']),
    ];
    for (const step of steps) {
      const run = await step();
      seen.push(...shownByProcesses(), run.stderr);
      if (run.stdout.startsWith('t1.')) token = run.stdout.trim();
    }
    await takeKeys();
    heaps.push(await heapOf(pid));
    await house.iamToken(['lock']);
    heaps.push(await heapOf(pid));
    await house.iamToken(['unlock', '--stdin'], passphrase);
    await takeKeys();
    await house.iamToken(['logout']);
    heaps.push(await heapOf(pid));
  });
  after(() => house.stop());

  async function takeKeys(): Promise<void> {
    const { stdout } = await house.iamToken(['aws-credential-process']);
    keys.push((JSON.parse(stdout) as { readonly SecretAccessKey: string }).SecretAccessKey);
  }

  it('stand in no file, no log, no message, no argv and no environment', async () => {
    const canaries = [passphrase, 'cAnArY', oauthToken, token, ...keys];
    const texts = filesBelow(house.folder).map((path) => readFileSync(path, 'latin1'));
    for (const canary of canaries) {
      const shown = Buffer.from(canary).toString('latin1');
      assert.ok(
        [...texts, ...seen, house.log()].every((text) => !text.includes(canary) && !text.includes(shown)),
      );
    }
    assert.match(house.log(), /unlocked/);
  });

  it('are forgotten by a locked daemon: its heap holds none of them', () => {
    const [before = '', after = ''] = heaps;
    const [key = ''] = keys;
    for (const secret of [oauthToken, token, key])
      assert.ok(before.includes(secret), 'they are there before');
    assert.ok(after.length > 1_000_000);
    for (const [what, secret] of Object.entries({ passphrase: 'cAnArY', oauthToken, token, key })) {
      assert.ok(!after.includes(secret), what);
    }
  });

  it('are forgotten with a profile that is logged out of', () => {
    const after = heaps[2] ?? '';
    assert.ok(after.length > 1_000_000);
    for (const secret of [oauthToken, token, ...keys]) assert.ok(!after.includes(secret), secret);
  });
});
