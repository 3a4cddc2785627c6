import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createDaemonRecord,
  type DaemonRecord,
  isDaemonRunning,
  type OwnedRecord,
  parseDaemonRecord,
  readDaemonRecord,
  writeDaemonRecord,
} from '../../src/files/daemon-record.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

describe('A3: daemon.json', () => {
  const folder = useTemporaryFolder();
  const path = (): string => join(folder(), 'daemon.json');
  const own = createDaemonRecord('/run/ipc.sock');

  function readBack(changes: Partial<DaemonRecord> = {}): OwnedRecord {
    writeDaemonRecord(path(), { ...own, ...changes });
    return readDaemonRecord(path()) ?? assert.fail('it is not a record');
  }

  it('names host, boot, process, start and socket', () => {
    assert.deepEqual(readBack().record, own);
    assert.deepEqual(Object.keys(own), ['host', 'bootId', 'pid', 'startTime', 'socket']);
  });

  it('is not read from a link, a file that others can write to, or any other text', () => {
    readBack();
    symlinkSync(path(), join(folder(), 'link'));
    assert.equal(readDaemonRecord(join(folder(), 'link')), null);
    chmodSync(path(), 0o620);
    assert.equal(readDaemonRecord(path()), null);
    for (const text of ['', 'null', '[]', '{"pid":1}', JSON.stringify({ ...own, pid: 0 }), '{'.repeat(99)])
      assert.equal(parseDaemonRecord(text), null);
    assert.equal(readDaemonRecord(folder()), null);
  });

  describe('on Linux', () => {
    before(function () {
      if (process.platform !== 'linux') this.skip();
    });

    it('may be of the first process of a container', () => {
      assert.equal(parseDaemonRecord(JSON.stringify({ ...own, pid: 1 }))?.pid, 1);
    });

    it('shows that its daemon runs', () => assert.equal(isDaemonRunning(readBack()), true));

    it('does not take another process for the daemon', async () => {
      const child = spawn('sleep', ['60']);
      await once(child, 'spawn');
      const { pid = 0 } = child;
      assert.equal(isDaemonRunning(readBack({ pid })), false, 'a process that started later has its id');
      child.kill();
      await once(child, 'exit');
      assert.equal(isDaemonRunning(readBack({ pid })), false, 'it has ended');
      assert.equal(isDaemonRunning(readBack({ bootId: 'another' })), false, 'the machine has started again');
      assert.equal(isDaemonRunning(readBack({ host: 'another' })), null, 'it is on another machine');
      assert.equal(isDaemonRunning({ ...readBack(), uid: 4_711 }), false, 'another user wrote the record');
    });

    it('is unknown without the boot and the start', () => {
      writeFileSync(path(), JSON.stringify({ ...own, bootId: null, startTime: null }), { mode: 0o600 });
      const owned = readDaemonRecord(path()) ?? assert.fail();
      assert.equal(isDaemonRunning(owned), null);
    });
  });
});
