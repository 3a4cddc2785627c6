import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import {
  AlreadyRunning,
  holdLock,
  prepareSocket,
  removeDeadSocket,
} from '../../src/daemon/single-instance.ts';
import { moduleUrl } from '../support/run-module.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const singleInstance = moduleUrl('daemon/single-instance');
const uid = process.getuid?.() ?? null;

/** A process that holds what it is told to, until it is killed. */
interface Holder {
  /** `held`, or the name and message of what was thrown. */
  readonly said: string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

async function holder(script: string, path: string): Promise<Holder> {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `const { holdLock } = await import(process.argv[1]);
      const { createServer } = await import('node:net');
      const path = process.argv[2];
      try {
        ${script}
        console.log('held');
      } catch (error) {
        console.log(error.name + ': ' + error.message);
      }
      setInterval(() => undefined, 1_000);`,
      singleInstance,
      path,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const closed = once(child, 'close');
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return {
    said: said.trim(),
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      if (signal === 'SIGKILL') await closed;
    },
  };
}

const holdsLock = `await holdLock(path, process.platform);`;
const listens = `await new Promise((resolve) => createServer().listen(path, resolve));`;

describe('one daemon', () => {
  const folder = temporaryFolder();
  const lock = (): string => join(folder(), 'lock');
  const socketPath = (): string => join(folder(), 'ipc.sock');
  let holders: Holder[] = [];
  let servers: Server[] = [];

  afterEach(async () => {
    await Promise.all(holders.map((each) => each.kill()));
    for (const server of servers) server.close();
    holders = [];
    servers = [];
  });

  async function other(script: string, path: string): Promise<Holder> {
    const made = await holder(script, path);
    holders.push(made);
    return made;
  }

  async function listening(path: string): Promise<void> {
    const server = createServer();
    servers.push(server);
    server.listen(path);
    await once(server, 'listening');
  }

  /** A socket whose process was killed: the file is there, and nobody behind it. */
  async function deadSocket(): Promise<void> {
    await (await other(listens, socketPath())).kill();
    assert.ok(lstatSync(socketPath()).isSocket());
  }

  describe('for a lock', () => {
    it('finds the one that holds it, and says where', async () => {
      assert.equal((await other(holdsLock, lock())).said, 'held');
      await assert.rejects(
        holdLock(lock(), process.platform),
        (error) => error instanceof AlreadyRunning && error.message.includes(lock()),
      );
    });

    it('takes it when the other has been killed', async () => {
      await (await other(holdsLock, lock())).kill();
      assert.equal((await other(holdsLock, lock())).said, 'held');
    });

    it('is one of several that race for a lock that was never held', async () => {
      const all = await Promise.all(Array.from({ length: 6 }, () => other(holdsLock, lock())));
      const said = all.map((each) => each.said.slice(0, 14));
      assert.equal(said.filter((word) => word === 'held').length, 1, said.join());
      assert.equal(said.filter((word) => word === 'AlreadyRunning').length, 5, said.join());
      assert.deepEqual(readdirSync(folder()), ['lock']);
    });

    it('is one for each lock: another lock of the same folder is free', async () => {
      await other(holdsLock, lock());
      await holdLock(join(folder(), 'other.lock'), process.platform);
    });

    it('keeps the name of the lock for its owner alone', async () => {
      await holdLock(lock(), process.platform);
      assert.equal(statSync(lock()).mode & 0o777, 0o600);
    });

    it('leaves alone what is no lock of ours', async () => {
      for (const text of ['', 'precious', '0'.repeat(31), `${'0'.repeat(32)}\n`]) {
        writeFileSync(lock(), text);
        await assert.rejects(holdLock(lock(), 'linux'), /is not a lock that we made; move it away/);
        assert.equal(readFileSync(lock(), 'utf8'), text);
      }
    });
  });

  describe('for a socket', () => {
    it('has nothing to remove where nothing is', () => removeDeadSocket(socketPath()));

    it('removes a dead one', async () => {
      await deadSocket();
      await removeDeadSocket(socketPath());
      assert.equal(existsSync(socketPath()), false);
    });

    it('leaves a living one', async () => {
      await listening(socketPath());
      await assert.rejects(removeDeadSocket(socketPath()), AlreadyRunning);
      assert.ok(lstatSync(socketPath()).isSocket());
    });

    it('leaves one whose process stands still: no answer is not death', async () => {
      const stopped = await other(listens, socketPath());
      await stopped.kill('SIGSTOP');
      await assert.rejects(removeDeadSocket(socketPath()), AlreadyRunning);
      assert.ok(lstatSync(socketPath()).isSocket());
    });

    it('leaves what is no socket, and says so', async () => {
      const kinds: readonly (readonly [string, () => void])[] = [
        ['file', () => writeFileSync(join(folder(), 'file'), 'precious')],
        ['folder', () => mkdirSync(join(folder(), 'folder'))],
        ['link', () => symlinkSync('/nowhere', join(folder(), 'link'))],
      ];
      for (const [name, make] of kinds) {
        make();
        await assert.rejects(
          removeDeadSocket(join(folder(), name)),
          /is there and is no socket; move it away/,
        );
        assert.ok(lstatSync(join(folder(), name)));
      }
    });

    it('leaves a link to a dead one', async () => {
      await deadSocket();
      symlinkSync(socketPath(), join(folder(), 'link'));
      await assert.rejects(removeDeadSocket(join(folder(), 'link')), /is no socket/);
      assert.ok(existsSync(join(folder(), 'link')) || lstatSync(join(folder(), 'link')).isSymbolicLink());
    });
  });

  describe('before it listens', () => {
    const prepare = (path: string): Promise<void> => prepareSocket(path, process.platform, uid);

    it("makes the socket's folder, closed to others, whatever the umask", async () => {
      const umask = process.umask(0);
      try {
        await prepare(join(folder(), 'a', 'b', 'ipc.sock'));
      } finally {
        process.umask(umask);
      }
      assert.equal(statSync(join(folder(), 'a', 'b')).mode & 0o777, 0o700);
    });

    it('removes a dead socket', async () => {
      await deadSocket();
      await prepare(socketPath());
      assert.equal(existsSync(socketPath()), false);
    });

    it('refuses a folder that is open to others, and leaves it and the socket in it alone', async () => {
      await deadSocket();
      chmodSync(folder(), 0o750);
      await assert.rejects(prepare(socketPath()), /is open to others \(mode 0750\); chmod 700/);
      assert.equal(statSync(folder()).mode & 0o777, 0o750);
      assert.ok(lstatSync(socketPath()).isSocket());
    });

    it('refuses a link to a folder, though it leads to one of ours', async () => {
      mkdirSync(join(folder(), 'real'), { mode: 0o700 });
      symlinkSync(join(folder(), 'real'), join(folder(), 'link'));
      await assert.rejects(prepare(join(folder(), 'link', 'ipc.sock')), /is a link/);
      assert.deepEqual(readdirSync(join(folder(), 'real')), []);
    });

    it('refuses a link that leads nowhere, and makes nothing where it leads', async () => {
      symlinkSync(join(folder(), 'nowhere'), join(folder(), 'link'));
      await assert.rejects(prepare(join(folder(), 'link', 'ipc.sock')));
      assert.equal(existsSync(join(folder(), 'nowhere')), false);
    });

    it('finds another that is about to listen on the same socket', async () => {
      await prepare(socketPath());
      await assert.rejects(prepare(socketPath()), AlreadyRunning);
    });

    it('may lie in the folder of the configuration, and beside the socket of another daemon', async () => {
      await holdLock(lock(), process.platform);
      await prepare(socketPath());
      await prepare(join(folder(), 'second.sock'));
    });
  });
});
