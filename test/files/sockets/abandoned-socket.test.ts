import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createDaemonRecord, formatDaemonRecord } from '../../../src/files/daemon-record.ts';
import { removeAbandonedSocket } from '../../../src/files/sockets/abandoned-socket.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

describe('removeAbandonedSocket', () => {
  const folder = useTemporaryFolder();
  const socketPath = (): string => join(folder(), 'own', 'ipc.sock');
  const lockPath = (): string => `${socketPath()}.lock`;
  const uid = process.getuid?.() ?? null;
  /** Of a process that has ended. */
  const endedRecord = (): string =>
    formatDaemonRecord({ ...createDaemonRecord(socketPath()), startTime: '1', pid: 1 });

  beforeEach(() => mkdirSync(dirname(socketPath()), { mode: 0o700 }));

  it('E13: removes the lock file of a daemon that has ended, and its folder', async () => {
    writeFileSync(lockPath(), endedRecord(), { mode: 0o600 });
    assert.deepEqual(await removeAbandonedSocket(socketPath(), uid), []);
    assert.deepEqual(readdirSync(folder()), []);
  });

  it('E13: keeps the lock file of a running daemon', async () => {
    writeFileSync(lockPath(), formatDaemonRecord(createDaemonRecord(socketPath())), { mode: 0o600 });
    assert.deepEqual(await removeAbandonedSocket(socketPath(), uid), []);
    assert.ok(existsSync(lockPath()));
  });

  for (const name of ['ipc.sock', 'ipc.sock.lock', 'http', 'credential.sock']) {
    it(`E13: keeps a file of another program that is named ${name}`, async () => {
      const path = join(dirname(socketPath()), name);
      writeFileSync(path, 'precious');
      assert.deepEqual(await removeAbandonedSocket(socketPath(), uid), []);
      assert.ok(existsSync(path));
    });
  }

  it('E13: keeps everything in a folder that all users can open', async () => {
    writeFileSync(lockPath(), endedRecord(), { mode: 0o600 });
    chmodSync(dirname(socketPath()), 0o755);
    assert.deepEqual(await removeAbandonedSocket(socketPath(), uid), []);
    assert.ok(existsSync(lockPath()));
  });

  it('E13: does nothing for a folder that does not exist', async () => {
    assert.deepEqual(await removeAbandonedSocket(join(folder(), 'missing', 'ipc.sock'), uid), []);
  });
});
