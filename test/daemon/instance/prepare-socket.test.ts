import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { prepareSocket, removeStaleSocket } from '../../../src/daemon/instance/prepare-socket.ts';
import { AlreadyRunningError } from '../../../src/daemon/instance/already-running-error.ts';
import { IamTokenError } from '../../../src/shared/errors.ts';
import { createLocks, type Holder, startHolder, uid } from '../../support/daemon/lock-holder.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const listenScript = `await new Promise((resolve) => createServer().listen(path, resolve));`;

describe('socket of the daemon', () => {
  const folder = useTemporaryFolder();
  const getSocketPath = (): string => join(folder(), 'ipc.sock');
  let holders: Holder[] = [];
  let servers: Server[] = [];

  afterEach(async () => {
    await Promise.all(holders.map((holder) => holder.kill()));
    for (const server of servers) server.close();
    holders = [];
    servers = [];
  });

  async function startOther(script: string, path: string): Promise<Holder> {
    const started = await startHolder(script, path);
    holders.push(started);
    return started;
  }

  async function listenOn(path: string): Promise<void> {
    const server = createServer();
    servers.push(server);
    server.listen(path);
    await once(server, 'listening');
  }

  /** A socket file whose process was killed. */
  async function createStaleSocket(): Promise<void> {
    await (await startOther(listenScript, getSocketPath())).kill();
    assert.ok(lstatSync(getSocketPath()).isSocket());
  }

  describe('a stale socket', () => {
    it('may be missing', () => removeStaleSocket(getSocketPath()));

    it('is removed', async () => {
      await createStaleSocket();
      await removeStaleSocket(getSocketPath());
      assert.equal(existsSync(getSocketPath()), false);
    });

    it('is not one that accepts connections', async () => {
      await listenOn(getSocketPath());
      await assert.rejects(removeStaleSocket(getSocketPath()), AlreadyRunningError);
      assert.ok(lstatSync(getSocketPath()).isSocket());
    });

    it('is not one whose process is stopped', async () => {
      const stopped = await startOther(listenScript, getSocketPath());
      await stopped.kill('SIGSTOP');
      await assert.rejects(removeStaleSocket(getSocketPath()), AlreadyRunningError);
      assert.ok(lstatSync(getSocketPath()).isSocket());
    });

    it('is not a file, a folder or a link, which stays', async () => {
      const kinds: readonly (readonly [string, () => void])[] = [
        ['file', () => writeFileSync(join(folder(), 'file'), 'precious')],
        ['folder', () => mkdirSync(join(folder(), 'folder'))],
        ['link', () => symlinkSync('/nowhere', join(folder(), 'link'))],
      ];
      for (const [name, make] of kinds) {
        make();
        await assert.rejects(removeStaleSocket(join(folder(), name)), /exists and is not a socket/);
        assert.ok(lstatSync(join(folder(), name)));
      }
    });

    it('is not removed through a link', async () => {
      await createStaleSocket();
      symlinkSync(getSocketPath(), join(folder(), 'link'));
      await assert.rejects(removeStaleSocket(join(folder(), 'link')), /is not a socket/);
      assert.ok(existsSync(join(folder(), 'link')) || lstatSync(join(folder(), 'link')).isSymbolicLink());
    });
  });

  describe('the preparation of a socket', () => {
    const prepare = (path: string): Promise<void> =>
      prepareSocket(path, { platform: process.platform, uid }, createLocks());

    it('creates a private folder with any umask', async () => {
      const umask = process.umask(0);
      try {
        await prepare(join(folder(), 'a', 'b', 'ipc.sock'));
      } finally {
        process.umask(umask);
      }
      assert.equal(statSync(join(folder(), 'a', 'b')).mode & 0o777, 0o700);
    });

    it('removes a stale socket', async () => {
      await createStaleSocket();
      await prepare(getSocketPath());
      assert.equal(existsSync(getSocketPath()), false);
    });

    it('rejects a folder that other users can access, and changes nothing in it', async () => {
      await createStaleSocket();
      chmodSync(folder(), 0o750);
      await assert.rejects(
        prepare(getSocketPath()),
        (error) =>
          error instanceof IamTokenError &&
          error.message.endsWith('is accessible to other users (mode 0750)') &&
          error.hint === `chmod 700 '${folder()}'`,
      );
      assert.equal(statSync(folder()).mode & 0o777, 0o750);
      assert.ok(lstatSync(getSocketPath()).isSocket());
    });

    it('rejects a link to a private folder', async () => {
      mkdirSync(join(folder(), 'real'), { mode: 0o700 });
      symlinkSync(join(folder(), 'real'), join(folder(), 'link'));
      await assert.rejects(prepare(join(folder(), 'link', 'ipc.sock')), /is a symbolic link/);
      assert.deepEqual(readdirSync(join(folder(), 'real')), []);
    });

    it('rejects a dangling link, and does not create its target', async () => {
      symlinkSync(join(folder(), 'nowhere'), join(folder(), 'link'));
      await assert.rejects(prepare(join(folder(), 'link', 'ipc.sock')));
      assert.equal(existsSync(join(folder(), 'nowhere')), false);
    });

    it('fails while another process holds the lock of the socket', async () => {
      await prepare(getSocketPath());
      await assert.rejects(prepare(getSocketPath()), AlreadyRunningError);
    });

    it('works in the configuration folder and beside the socket of another daemon', async () => {
      await createLocks().acquireFolder(folder());
      await prepare(getSocketPath());
      await prepare(join(folder(), 'second.sock'));
    });
  });
});
