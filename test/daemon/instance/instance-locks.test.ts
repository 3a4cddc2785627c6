import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { AlreadyRunningError } from '../../../src/daemon/instance/already-running-error.ts';
import { createDaemonRecord, formatDaemonRecord } from '../../../src/files/daemon-record.ts';
import { createLocks, type Holder, startHolder } from '../../support/daemon/lock-holder.ts';
import { captureError } from '../../support/problems.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folderScript = 'await locks.acquireFolder(path);';
const fileScript = 'await locks.acquire(path);';
const otherRecord = { ...createDaemonRecord('/run/other.sock'), pid: process.ppid };

for (const usesKoffi of [true, false]) {
  describe(`A2: instance locks ${usesKoffi ? 'with koffi' : 'with the program flock'}`, function () {
    if (process.platform !== 'linux') return;
    const folder = useTemporaryFolder();
    const lockPath = (): string => join(folder(), 'lock');
    let holders: Holder[] = [];

    afterEach(async () => {
      await Promise.all(holders.map((holder) => holder.kill()));
      holders = [];
    });

    async function startOther(script: string, path: string, koffi = usesKoffi): Promise<Holder> {
      const holder = await startHolder(script, path, koffi);
      holders.push(holder);
      return holder;
    }

    const acquireFolder = (): Promise<void> => createLocks(usesKoffi).acquireFolder(folder());

    it('let one process hold a folder; the error names that process, its socket and a command', async () => {
      const { pid, output } = await startOther(folderScript, folder(), !usesKoffi);
      assert.equal(output, 'held');
      const error = await captureError(acquireFolder());
      assert.ok(error instanceof AlreadyRunningError);
      assert.equal(
        error.message,
        `another iam-tokend is running (it holds ${lockPath()}): pid ${pid} serves /run/ipc.sock`,
      );
      assert.equal(error.hint, "iam-token status --socket '/run/ipc.sock'");
    });

    it('hold across network namespaces', async function () {
      const isolated = ['--net', process.execPath, '--input-type=module', '--eval'];
      const script = `
        const { createLocks } = await import(process.argv[1]);
        const locks = createLocks(${usesKoffi});
        await locks.acquireFolder(process.argv[2]).then(() => console.log('acquired'), ({ message }) => console.log(message));`;
      const fixture = new URL('../../support/daemon/lock-holder.js', import.meta.url).href;
      const { pid } = await startOther(folderScript, folder());
      const { status, stdout, stderr } = spawnSync('unshare', [...isolated, script, fixture, folder()], {
        encoding: 'utf8',
      });
      if (status !== 0 && stderr.includes('Operation not permitted')) this.skip();
      assert.match(stdout, new RegExp(`: pid ${pid} serves /run/ipc.sock\n$`));
    });

    it('hold a folder after its lock file was removed', async () => {
      assert.equal((await startOther(folderScript, folder())).output, 'held');
      rmSync(lockPath());
      await assert.rejects(acquireFolder(), AlreadyRunningError);
    });

    it('are free once the process is killed, and leave one file', async () => {
      await (await startOther(folderScript, folder())).kill();
      await acquireFolder();
      assert.deepEqual(readdirSync(folder()), ['lock']);
      assert.equal(statSync(lockPath()).mode & 0o777, 0o600);
    });

    it('are acquired by one of several processes that start at once', async () => {
      const all = await Promise.all(Array.from({ length: 4 }, () => startOther(folderScript, folder())));
      const outputs = all.map((holder) => holder.output.slice(0, 19)).toSorted();
      assert.deepEqual(outputs, [...Array.from({ length: 3 }, () => 'AlreadyRunningError'), 'held']);
    });

    it('D10: are not blocked by another user, who can lock a folder that they can read', async () => {
      chmodSync(folder(), 0o755);
      const flock = spawn('flock', ['--no-fork', folder(), 'sh', '-c', 'echo held; exec sleep 60']);
      try {
        assert.equal(String((await once(flock.stdout, 'data'))[0]), 'held\n');
        await acquireFolder();
        await assert.rejects(acquireFolder(), AlreadyRunningError);
        assert.equal(statSync(lockPath()).mode & 0o077, 0, 'they cannot open the lock file');
      } finally {
        flock.kill();
        await once(flock, 'close');
      }
    });

    it('of two files in one folder are independent', async () => {
      await startOther(fileScript, join(folder(), 'first.lock'));
      await createLocks(usesKoffi).acquire(join(folder(), 'second.lock'));
      await assert.rejects(createLocks(usesKoffi).acquire(join(folder(), 'first.lock')), AlreadyRunningError);
    });

    it('are created again when they were removed, and report who holds a new file', async () => {
      const locks = createLocks(usesKoffi);
      const path = join(folder(), 'ipc.sock.lock');
      await locks.acquire(path);
      assert.deepEqual(await locks.renew(), []);
      rmSync(path);
      assert.deepEqual(await locks.renew(), []);
      assert.ok(existsSync(path));
      await assert.rejects(createLocks(usesKoffi).acquire(path), AlreadyRunningError);
      rmSync(path);
      const { pid } = await startOther(fileScript, path);
      const [error] = await locks.renew();
      assert.match(String(error), new RegExp(`: pid ${pid} serves `));
    });
  });
}

describe('A2: instance locks', () => {
  const folder = useTemporaryFolder();
  const lockPath = (): string => join(folder(), 'lock');

  it('19.6: remove their files at the end, for 0.1.0, but no file of another process, and hold until then', async function () {
    if (process.platform !== 'linux') return this.skip();
    const locks = createLocks();
    await locks.acquireFolder(folder());
    const path = join(folder(), 'ipc.sock.lock');
    await locks.acquire(path);
    rmSync(path);
    const other = await startHolder('await locks.acquire(path);', path);
    locks.removeFiles();
    assert.deepEqual(readdirSync(folder()), ['ipc.sock.lock']);
    await assert.rejects(createLocks().acquireFolder(folder()), AlreadyRunningError);
    await other.kill();
    return undefined;
  });

  it('do not overwrite a file that is not a lock file, or follow a link', async () => {
    for (const text of ['precious', '0'.repeat(31), `${'0'.repeat(32)}\n`, '{"pid":1}']) {
      writeFileSync(lockPath(), text);
      await assert.rejects(createLocks().acquire(lockPath()), /is not a lock file of iam-tokend$/);
      assert.equal(readFileSync(lockPath(), 'utf8'), text);
    }
    rmSync(lockPath());
    symlinkSync(join(folder(), 'target'), lockPath());
    await assert.rejects(createLocks().acquire(lockPath()), /is a symbolic link/);
    assert.ok(!existsSync(join(folder(), 'target')));
  });

  it('respect a daemon of version 0.1.0, which listens on the name in the lock file', async () => {
    const name = randomBytes(16).toString('hex');
    writeFileSync(lockPath(), name);
    const oldDaemon = createServer().listen(`\0iam-tokend-${name}`.padEnd(108, '.'));
    try {
      await once(oldDaemon, 'listening');
      await assert.rejects(createLocks().acquireFolder(folder()), AlreadyRunningError);
      assert.equal(readFileSync(lockPath(), 'utf8'), name);
    } finally {
      oldDaemon.close();
      await once(oldDaemon, 'close');
    }
    await createLocks().acquireFolder(folder());
  });

  it('respect a running daemon in daemon.json on a file system without locks', async () => {
    writeFileSync(join(folder(), 'daemon.json'), formatDaemonRecord({ ...otherRecord, startTime: '1' }), {
      mode: 0o600,
    });
    await createLocks().acquireFolder(folder());
    const startTime =
      readFileSync(`/proc/${process.ppid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? null;
    const record = { ...otherRecord, startTime };
    mkdirSync(join(folder(), 'other'));
    writeFileSync(join(folder(), 'other', 'daemon.json'), formatDaemonRecord(record), { mode: 0o600 });
    await assert.rejects(
      createLocks().acquireFolder(join(folder(), 'other')),
      /: pid \d+ serves \/run\/other\.sock$/,
    );
  });
});
