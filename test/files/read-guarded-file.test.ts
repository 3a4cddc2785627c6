import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { join } from 'node:path';
import type { FileOperations } from '../../src/files/file-system.ts';
import { readGuardedFile } from '../../src/files/read-guarded-file.ts';
import { captureProblem } from '../support/problems.ts';
import { createFileError, interceptFileCalls } from '../support/stores/intercept-file-calls.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const uid = process.getuid?.() ?? null;

describe('readGuardedFile', () => {
  const folder = useTemporaryFolder();
  const path = (): string => join(folder(), 'store');

  const read = (isPrivate = true, fs: FileOperations = promises): Promise<Buffer | null> =>
    readGuardedFile({ path: path(), name: 'the file store' }, { maxBytes: 10, isPrivate }, { fs, uid });

  async function failureOf(operation: Promise<unknown>): Promise<string> {
    const { message, hint } = await captureProblem(operation);
    return `${message} | ${hint}`.replaceAll(folder(), '');
  }

  it('returns the content of a file', async () => {
    writeFileSync(path(), '0123456789', { mode: 0o600 });
    assert.deepEqual(await read(), Buffer.from('0123456789'));
  });

  it('returns null for a missing file', async () => {
    assert.equal(await read(), null);
  });

  it('rejects a file that other users can access, if it must be private', async () => {
    writeFileSync(path(), 'x');
    chmodSync(path(), 0o640);
    assert.equal(
      await failureOf(read()),
      "the file store /store is accessible to other users (mode 0640) | chmod 600 '/store'",
    );
    assert.deepEqual(await read(false), Buffer.from('x'));
  });

  it('rejects a large file, a link, a folder and a pipe', async () => {
    const cases: readonly (readonly [create: () => unknown, message: string])[] = [
      [
        () => writeFileSync(path(), '0123456789a', { mode: 0o600 }),
        "the file store /store is too large (11 bytes; the limit is 10) | mv '/store' '/store.old'",
      ],
      [
        () => symlinkSync('/dev/null', path()),
        "the file store /store is a symbolic link | mv \"$(readlink -f '/store')\" '/store'",
      ],
      [() => mkdirSync(path()), "the file store /store is not a regular file | mv '/store' '/store.old'"],
      [
        () => spawnSync('mkfifo', ['-m', '600', path()]),
        "the file store /store is not a regular file | mv '/store' '/store.old'",
      ],
    ];
    for (const [create, message] of cases) {
      create();
      for (const isPrivate of [true, false]) assert.equal(await failureOf(read(isPrivate)), message);
      await promises.rm(path(), { recursive: true });
    }
  });

  it('names the file and the reason of a failed read', async () => {
    writeFileSync(path(), 'x', { mode: 0o600 });
    const broken = interceptFileCalls((call) => {
      if (call === 'readFile') throw createFileError('EIO');
    });
    assert.equal(
      await failureOf(read(true, broken)),
      "cannot read the file store /store: i/o error | ls -ld '/store'",
    );
  });
});
