import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as promises from 'node:fs/promises';
import { join } from 'node:path';
import type { FileOperations } from '../../src/files/file-system.ts';
import { createFile, createFileIfMissing, writeFileAtomically } from '../../src/files/write-file.ts';
import { captureProblem } from '../support/problems.ts';
import { createFileError, interceptFileCalls } from '../support/stores/intercept-file-calls.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const uid = process.getuid?.() ?? null;
const oldBytes = Buffer.from('old');
const newBytes = Buffer.from('new');

describe('write-file', () => {
  const temporaryFolder = useTemporaryFolder();
  const folder = (): string => join(temporaryFolder(), 'state');
  const path = (): string => join(folder(), 'store');
  const target = () => ({ path: path(), name: 'the file store' });
  const read = (): string => readFileSync(path(), 'utf8');

  const replace = (bytes: Buffer, fs: FileOperations = promises, mode = 0o600): Promise<void> =>
    writeFileAtomically(target(), { bytes, mode }, { fs, uid });

  async function failureOf(operation: Promise<unknown>): Promise<string> {
    const { code, message, hint } = await captureProblem(operation);
    assert.equal(code, 'internal');
    return `${message} | ${hint}`.replaceAll(temporaryFolder(), '');
  }

  beforeEach(() => mkdirSync(folder()));

  describe('writeFileAtomically', () => {
    it('creates a file with its mode', async () => {
      const umask = process.umask(0);
      try {
        await replace(newBytes, promises, 0o640);
      } finally {
        process.umask(umask);
      }
      assert.deepEqual([read(), statSync(path()).mode & 0o777], ['new', 0o640]);
    });

    it('does not keep the mode of an old file, nor of a temporary file', async () => {
      for (const existingPath of [path(), `${path()}.new`]) {
        writeFileSync(existingPath, 'old');
        chmodSync(existingPath, 0o666);
      }
      await replace(newBytes);
      assert.deepEqual([read(), statSync(path()).mode & 0o777], ['new', 0o600]);
      assert.deepEqual(readdirSync(folder()), ['store']);
    });

    it('does not write through a link', async () => {
      const linkTarget = join(folder(), 'other');
      writeFileSync(linkTarget, 'other');
      symlinkSync(linkTarget, path());
      symlinkSync(linkTarget, `${path()}.new`);
      await replace(newBytes);
      assert.deepEqual([read(), readFileSync(linkTarget, 'utf8')], ['new', 'other']);
    });

    it('syncs the new file, reads it back, renames it, and syncs the folder, in this order', async () => {
      await replace(oldBytes);
      const calls: string[] = [];
      const fs = interceptFileCalls((call, callPath) => {
        if (['readFile', 'rename', 'sync', 'writeFile'].includes(call)) {
          calls.push(`${call} ${callPath.replace(temporaryFolder(), '')}`);
        }
      });
      const isIntact = (readBack: Buffer): boolean => {
        assert.deepEqual(readBack, newBytes);
        assert.equal(read(), 'old');
        calls.push('isIntact');
        return true;
      };
      await writeFileAtomically(target(), { bytes: newBytes, mode: 0o600, isIntact }, { fs, uid });
      assert.deepEqual(calls, [
        'writeFile /state/store.new',
        'sync /state/store.new',
        'readFile /state/store.new',
        'isIntact',
        'rename /state/store.new',
        'sync /state',
      ]);
    });

    it('E13: reports no failure once the new file is in place', async () => {
      const fs = interceptFileCalls((call, calledPath) => {
        if (call === 'sync' && calledPath === folder()) throw createFileError('EIO');
      });
      await replace(oldBytes);
      await replace(newBytes, fs);
      assert.deepEqual([read(), readdirSync(folder())], ['new', ['store']]);
    });

    it('keeps the old file when other data is read back', async () => {
      await replace(oldBytes);
      const content = { bytes: newBytes, mode: 0o600, isIntact: () => false };
      const corrupting = interceptFileCalls((call, callPath) => {
        if (call === 'readFile') writeFileSync(callPath, 'nw');
      });
      for (const work of [
        () => writeFileAtomically(target(), content, { fs: promises, uid }),
        () => replace(newBytes, corrupting),
      ]) {
        assert.equal(
          await failureOf(work()),
          "cannot write the file store /state/store: the disk returned different data | df -h '/state'",
        );
        assert.deepEqual(readdirSync(folder()), ['store']);
        assert.equal(read(), 'old');
      }
    });

    it('leaves the old file or the new one after a crash at any step, and the next write succeeds', async () => {
      let steps = 0;
      const count = interceptFileCalls(() => void (steps += 1));
      await replace(oldBytes);
      await replace(newBytes, count);
      assert.ok(steps > 10);

      const results = new Set<string>();
      for (let last = 0; last <= steps; last++) {
        await replace(oldBytes);
        let step = 0;
        const dying = interceptFileCalls(() => {
          if (step++ >= last) throw new Error('the process has ended');
        });
        await replace(newBytes, dying).catch(() => undefined);
        results.add(read());
      }
      assert.deepEqual([...results], ['old', 'new']);
    });

    it('replaces the temporary file of a killed writer', async () => {
      await replace(oldBytes);
      writeFileSync(`${path()}.new`, 'half of a te', { mode: 0o644 });
      await replace(newBytes);
      assert.deepEqual(readdirSync(folder()), ['store']);
      assert.equal(read(), 'new');
    });

    it('fails while another process writes the same file, and leaves its temporary file', async () => {
      const competing = interceptFileCalls((call, callPath) => {
        if (call === 'open') writeFileSync(callPath, 'other');
      });
      assert.equal(
        await failureOf(replace(newBytes, competing)),
        "cannot write the file store /state/store: another process is writing it | ls -l '/state/store.new'",
      );
      assert.deepEqual(readdirSync(folder()), ['store.new']);
    });

    it('names the file on a full disk, and keeps the old one', async () => {
      await replace(oldBytes);
      for (const [failingCall, code] of [
        ['writeFile', 'ENOSPC'],
        ['sync', 'ENOSPC'],
        ['close', 'EDQUOT'],
      ] as const) {
        const fs = interceptFileCalls((call, callPath) => {
          if (call === failingCall && callPath.endsWith('.new')) throw createFileError(code);
        });
        assert.equal(
          await failureOf(replace(newBytes, fs)),
          "cannot write the file store /state/store: no space left | df -h '/state'",
        );
        assert.deepEqual(readdirSync(folder()), ['store']);
        assert.equal(read(), 'old');
      }
    });

    it('names the file and the reason of any other failure', async () => {
      const failWith = (code: 'EIO' | 'EACCES'): FileOperations =>
        interceptFileCalls((call) => {
          if (call === 'writeFile') throw createFileError(code);
        });
      assert.equal(
        await failureOf(replace(newBytes, failWith('EIO'))),
        "cannot write the file store /state/store: i/o error | ls -ld '/state'",
      );
      assert.equal(
        await failureOf(replace(newBytes, failWith('EACCES'))),
        "cannot write the file store /state/store: permission denied | ls -ld '/state'",
      );
    });

    it('gives no command for a POSIX shell on Windows', async () => {
      const problem = await captureProblem(
        writeFileAtomically(
          { ...target(), path: join(folder(), 'missing', 'store') },
          { bytes: newBytes, mode: 0o600 },
          { fs: promises, uid: null },
        ),
      );
      assert.deepEqual(
        [problem.message.replace(temporaryFolder(), ''), problem.hint],
        ['cannot write the file store /state/missing/store: its folder does not exist', undefined],
      );
    });
  });

  describe('createFile', () => {
    const create = (fs: FileOperations = promises): Promise<void> =>
      createFile(target(), { bytes: newBytes, mode: 0o600 }, { fs, uid });

    it('creates a file for its owner, and does not replace it', async () => {
      await create();
      assert.deepEqual([read(), statSync(path()).mode & 0o777], ['new', 0o600]);
      writeFileSync(path(), 'old');
      assert.equal(
        await failureOf(create()),
        "cannot write the file store /state/store: it already exists | mv '/state/store' '/state/store.old'",
      );
      assert.equal(read(), 'old');
    });

    it('leaves no part of a file on a full disk', async () => {
      const full = interceptFileCalls((call) => {
        if (call === 'sync') throw createFileError('ENOSPC');
      });
      assert.equal(
        await failureOf(create(full)),
        "cannot write the file store /state/store: no space left | df -h '/state'",
      );
      assert.deepEqual(readdirSync(folder()), []);
    });
  });

  describe('createFileIfMissing', () => {
    it('has one winner of several calls, whose file is whole', async () => {
      const bytesOf = (index: number): Buffer => Buffer.alloc(10_000, `${index}`);
      await Promise.all(
        Array.from({ length: 5 }, (_, index) =>
          createFileIfMissing(target(), { bytes: bytesOf(index), mode: 0o600 }, { fs: promises, uid }),
        ),
      );
      const index = Number(read().charAt(0));
      assert.deepEqual(readFileSync(path()), bytesOf(index));
      assert.deepEqual(readdirSync(folder()), ['store']);
    });
  });

  describe('on a disk of 64 KiB', () => {
    let isMounted = false;

    beforeEach(function () {
      const options = `size=64k,mode=700,uid=${uid}`;
      isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder()]).status === 0;
      if (!isMounted) this.skip();
    });

    afterEach(() => {
      if (isMounted) spawnSync('umount', [folder()]);
    });

    it('names the file that is too large, and keeps the old one', async () => {
      await replace(Buffer.alloc(40_000, 'old'));
      assert.equal(
        await failureOf(replace(Buffer.alloc(40_000, 'new'))),
        "cannot write the file store /state/store: no space left | df -h '/state'",
      );
      assert.deepEqual(readdirSync(folder()), ['store']);
      assert.deepEqual(readFileSync(path()), Buffer.alloc(40_000, 'old'));
      await replace(Buffer.alloc(4_000, 'new'));
      assert.deepEqual(readFileSync(path()), Buffer.alloc(4_000, 'new'));
    });
  });
});
