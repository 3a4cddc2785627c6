import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { oauthToken, type RunningHouse, startHouse } from '../support/running-house.ts';
import { until } from '../support/until.ts';

const program = fileURLToPath(new URL('../../bin/iam-tokend.js', import.meta.url));

describe('iam-tokend lives on', () => {
  let house: RunningHouse;
  let child: ChildProcessByStdio<null, null, Readable> | undefined;

  beforeEach(async () => {
    house = await startHouse({ store: 'memory' });
  });

  afterEach(async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    child = undefined;
    await house.stop();
  });

  function start(args: readonly string[] = []): ChildProcessByStdio<null, null, Readable> {
    child = spawn(process.execPath, [program, '--store', 'memory', ...args], {
      env: { ...house.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return child;
  }

  const answers = async (args: readonly string[] = []): Promise<boolean> =>
    (await house.iamToken(['profiles', ...args])).code === 0;

  it('when nobody reads its stderr any more', async () => {
    const daemon = start();
    daemon.stderr.destroy();
    await until(() => answers(), 'it answers');
    writeFileSync(
      join(house.folder, 'config', 'iam-tokend', 'config.yaml'),
      'refresh: { schedule: "* * * * *" }',
    );
    daemon.kill('SIGHUP');
    await until(() => house.log().includes('more than 12 times'), 'it has read the configuration again');
    assert.ok(await answers());
    assert.equal(daemon.exitCode, null);
  });

  it('when its log cannot be written', async () => {
    mkdirSync(join(house.folder, 'state', 'iam-tokend'), { recursive: true });
    writeFileSync(join(house.folder, 'state', 'iam-tokend', 'log'), 'in the way');
    const daemon = start();
    let said = '';
    daemon.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece));
    await until(() => said.includes('the log cannot be written'), 'it says so');
    assert.ok(await answers());
    daemon.kill('SIGTERM');
    const [code] = (await once(daemon, 'exit')) as [number | null];
    assert.equal(code, 0, said);
  });

  it('at SIGUSR1, and opens no inspector', async () => {
    const daemon = start();
    let said = '';
    daemon.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece));
    await until(() => said.includes('listening on'), 'it listens');
    for (let i = 0; i < 3; i++) {
      daemon.kill('SIGUSR1');
      assert.ok(await answers());
    }
    assert.ok(!/Debugger|ws:/.test(said), said);
  });

  it('with its socket beside its configuration', async () => {
    const folder = join(house.folder, 'config', 'iam-tokend');
    const socket = join(folder, 'ipc.sock');
    const config = join(folder, 'config.yaml');
    writeFileSync(config, '');
    start(['--config', config, '--socket', socket]);
    await until(() => answers(['--socket', socket]), 'it answers');
  });

  it('and leaves nothing that anybody else can read, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      start();
      await until(() => answers(), 'it answers');
      await house.iamToken(['login', '--stdin'], oauthToken);
    } finally {
      process.umask(umask);
    }
    await until(() => house.log().includes('logged in'), 'the log is written');
    const found = ['config/iam-tokend', 'state/iam-tokend', 'run/iam-tokend'].flatMap((folder) =>
      readdirSync(join(house.folder, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
        join(house.folder, folder, name),
      ),
    );
    for (const wanted of ['profiles.json', 'lock', 'iam-tokend.log', 'ipc.sock', 'ipc.sock.lock']) {
      assert.ok(
        found.some((path) => path.endsWith(`/${wanted}`)),
        wanted,
      );
    }
    for (const path of found) assert.equal(statSync(path).mode & 0o077, 0, path);
  });

  it('and starts in no folder that others can enter', async () => {
    const folder = join(house.folder, 'open');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    const { code, stderr } = await house.iamTokend([
      '--store',
      'memory',
      '--socket',
      join(folder, 'ipc.sock'),
    ]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /is open to others \(mode 0755\); give the socket a folder of its own, such as .*\/open\/iam-tokend\/ipc\.sock/,
    );
    assert.deepEqual(readdirSync(folder), []);
  });
});
