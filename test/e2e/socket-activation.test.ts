import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processesWith } from '../support/processes.ts';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../../bin/iam-tokend.js', import.meta.url));

describe('iam-tokend on a socket that was passed to it', () => {
  let house: RunningHouse;
  let activator: ChildProcess | null;

  beforeEach(() => (activator = null));
  afterEach(async () => {
    activator?.kill('SIGKILL');
    await house.stop();
  });

  /** Listens, and becomes the daemon at the first connection. */
  async function activate(store: 'keychain' | 'memory'): Promise<void> {
    house = await startHouse({ store });
    mkdirSync(join(house.socketPath, '..'), { mode: 0o700 });
    const names = Object.keys(house.environment).map((name) => `--setenv=${name}`);
    const args = [...names, `--listen=${house.socketPath}`, process.execPath, program, '--store', store];
    activator = spawn('systemd-socket-activate', args, { env: house.environment, stdio: 'ignore' });
    await until(() => existsSync(house.socketPath), 'the socket is there');
  }

  it('answers who came before it was there, and leaves the socket where it is when it ends', async () => {
    await activate('memory');
    const { ino } = statSync(house.socketPath);
    const { code, stderr } = await house.iamToken(['login', '--stdin'], oauthToken);
    assert.equal(code, 0, stderr);
    assert.match((await house.iamToken()).stdout, /^t1\./);
    const ended = once(activator ?? assert.fail(), 'exit');
    assert.equal((await house.iamToken(['stop'])).code, 0);
    await ended;
    assert.equal(statSync(house.socketPath).ino, ino);
  });

  it('passes it to no child', async () => {
    await activate('keychain');
    assert.match((await house.iamToken(['status'])).stdout, /manager +\S+ of systemd\n/);
    const pid = activator?.pid ?? assert.fail();
    const passed = readlinkSync(`/proc/${pid}/fd/3`);
    assert.match(passed, /^socket:/);
    const [helper] = processesWith('keychain-helper', pid);
    const files = readdirSync(`/proc/${helper}/fd`).map((fd) => readlinkSync(`/proc/${helper}/fd/${fd}`));
    assert.ok(files.length > 2 && !files.includes(passed));
  });

  it('is not taken for one that was passed to its parent', async () => {
    house = await startHouse({ store: 'memory' });
    Object.assign(house.environment, { LISTEN_PID: '1', LISTEN_FDS: '1' });
    await house.startDaemon();
    assert.equal((await house.iamToken(['profiles'])).code, 0);
    assert.match((await house.iamToken(['status'])).stdout, /manager +none\n/);
  });
});
