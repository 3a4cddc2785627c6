import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { FileOperations } from '../../../src/files/file-system.ts';
import type { CredentialStore } from '../../../src/stores/credential-store.ts';
import { createFileError, interceptFileCalls } from '../../support/stores/intercept-file-calls.ts';
import {
  useFileStores,
  captureProblem,
  readItem,
  correctPassphrase,
  newStoreHint,
  uid,
  writeItem,
} from '../../support/stores/file-stores.ts';

describe('file-store with a damaged or unsafe file or folder', () => {
  const { folder, storeFolder, path, createStore, createUnlockedStore, problemTextOf, stateTextOf } =
    useFileStores();

  let openStore: CredentialStore;
  let before: Buffer;

  beforeEach(async () => {
    openStore = await createUnlockedStore();
    await writeItem(openStore, 'a', 'one');
    before = readFileSync(path());
  });

  const overwriteWith = (change: (bytes: Buffer) => Buffer): void =>
    writeFileSync(path(), change(Buffer.from(before)));

  interface DefectCase {
    readonly apply: () => void;
    readonly sentence: string;
    /** Whether the hint is a command that repairs it. */
    readonly isHintRunnable?: true;
  }

  const damagedMessage = `the file store /iam-tokend/store is damaged | restore it from a backup\nor ${newStoreHint}`;
  const defectCases: Readonly<Record<string, DefectCase>> = {
    'a truncated file': { apply: () => truncateSync(path(), before.length - 1), sentence: damagedMessage },
    'an empty file': { apply: () => truncateSync(path(), 0), sentence: damagedMessage },
    'a changed file': {
      apply: () => overwriteWith((bytes) => bytes.fill(bytes.readUInt8(60) ^ 1, 60, 61)),
      sentence: damagedMessage,
    },
    'a file that is not a store': {
      apply: () => overwriteWith(() => Buffer.from('hello')),
      sentence: `the file store /iam-tokend/store is not a file store of iam-tokend | ${newStoreHint}`,
    },
    'a file that is too large': {
      apply: () => truncateSync(path(), 5_000_000),
      sentence:
        "the file store /iam-tokend/store is too large (5000000 bytes; the limit is 4194304) | mv '/iam-tokend/store' '/iam-tokend/store.old'",
    },
    'a file that other users can read': {
      apply: () => chmodSync(path(), 0o644),
      sentence:
        "the file store /iam-tokend/store is accessible to other users (mode 0644) | chmod 600 '/iam-tokend/store'",
      isHintRunnable: true,
    },
    'a folder that other users can enter': {
      apply: () => chmodSync(storeFolder(), 0o711),
      sentence:
        "the file store's folder /iam-tokend is accessible to other users (mode 0711) | chmod 700 '/iam-tokend'",
      isHintRunnable: true,
    },
    'a link instead of the file': {
      apply: () => {
        renameSync(path(), join(folder(), 'elsewhere'));
        symlinkSync('../elsewhere', path());
      },
      sentence:
        'the file store /iam-tokend/store is a symbolic link | ' +
        "mv \"$(readlink -f '/iam-tokend/store')\" '/iam-tokend/store'",
      isHintRunnable: true,
    },
    'a link instead of the folder': {
      apply: () => {
        renameSync(storeFolder(), join(folder(), 'elsewhere'));
        symlinkSync('elsewhere', storeFolder());
      },
      sentence:
        "the file store's folder /iam-tokend is a symbolic link | " +
        "folder=\"$(readlink -f '/iam-tokend')\" && rm '/iam-tokend' && mv \"$folder\" '/iam-tokend'",
      isHintRunnable: true,
    },
    'a pipe instead of the file': {
      apply: () => {
        rmSync(path());
        spawnSync('mkfifo', ['-m', '600', path()]);
      },
      sentence:
        "the file store /iam-tokend/store is not a regular file | mv '/iam-tokend/store' '/iam-tokend/store.old'",
    },
    'a folder instead of the file': {
      apply: () => {
        rmSync(path());
        mkdirSync(path());
      },
      sentence:
        "the file store /iam-tokend/store is not a regular file | mv '/iam-tokend/store' '/iam-tokend/store.old'",
    },
  };

  for (const [name, { apply, sentence, isHintRunnable }] of Object.entries(defectCases)) {
    it(`reports ${name}, open or locked, and changes nothing`, async () => {
      apply();
      const fileBefore = existsSync(path()) && statSync(path()).isFile() ? readFileSync(path()) : null;
      for (const each of [openStore, createStore()]) {
        assert.equal(await stateTextOf(each), `keychain_unavailable: ${sentence}`);
        assert.equal(await problemTextOf(each.read('a', 'background')), `keychain_unavailable: ${sentence}`);
        assert.equal(await problemTextOf(writeItem(each, 'a', 'two')), `keychain_unavailable: ${sentence}`);
        assert.equal(
          await problemTextOf(each.remove('a', 'interactive')),
          `keychain_unavailable: ${sentence}`,
        );
        assert.equal(
          await problemTextOf(each.unlock(correctPassphrase)),
          `keychain_unavailable: ${sentence}`,
        );
      }
      if (fileBefore !== null) assert.deepEqual(readFileSync(path()), fileBefore);
      if (isHintRunnable === undefined) return;
      const { hint } = await captureProblem(openStore.read('a', 'background'));
      spawnSync('sh', ['-c', hint ?? '']);
      assert.equal(await readItem(openStore, 'a'), 'one');
      assert.deepEqual(readFileSync(path()), before);
    });
  }

  it('reports a newer version and excessive scrypt parameters', async () => {
    const withByte = (index: number, byte: number): void =>
      overwriteWith((bytes) => {
        bytes[index] = byte;
        const body = bytes.subarray(0, -32);
        return Buffer.concat([body, createHash('sha256').update(body).digest()]);
      });
    withByte(16, 2);
    assert.equal(
      await problemTextOf(createStore().unlock(correctPassphrase)),
      'keychain_unavailable: the file store /iam-tokend/store was written by a newer iam-tokend | ' +
        'upgrade: npm install --global iam-tokend && iam-token install',
    );
    withByte(18, 40);
    assert.equal(
      await problemTextOf(createStore().unlock(correctPassphrase)),
      'keychain_unavailable: the file store /iam-tokend/store has scrypt parameters outside the limits ' +
        `of iam-tokend | restore it from a backup\nor ${newStoreHint}`,
    );
    // The passphrase of an open store is correct, so the file must have changed.
    withByte(60, 1);
    assert.equal(await stateTextOf(openStore), `keychain_unavailable: ${damagedMessage}`);
  });

  it('reports a file or folder of another user', async () => {
    const fsWithOtherOwner = (targetPath: () => string): FileOperations => {
      const disk = interceptFileCalls(() => undefined);
      const withOtherOwner = <T extends object>(stats: T): T => Object.assign(stats, { uid: 12_345 });
      return {
        ...disk,
        lstat: (async (requestedPath: string) => {
          const stats = await disk.lstat(requestedPath);
          return requestedPath === targetPath() ? withOtherOwner(stats) : stats;
        }) as FileOperations['lstat'],
        async open(requestedPath, flags, mode) {
          const file = await disk.open(requestedPath, flags, mode);
          if (requestedPath !== targetPath()) return file;
          const stats = withOtherOwner(await file.stat());
          return Object.assign(file, { stat: async () => stats });
        },
      };
    };
    assert.equal(
      await stateTextOf(createStore({ fs: fsWithOtherOwner(path) })),
      'keychain_unavailable: the file store /iam-tokend/store belongs to another user (uid 12345) | ' +
        `sudo chown ${uid} '/iam-tokend/store'`,
    );
    assert.equal(
      await stateTextOf(createStore({ fs: fsWithOtherOwner(storeFolder) })),
      "keychain_unavailable: the file store's folder /iam-tokend belongs to another user (uid 12345) | " +
        `sudo chown ${uid} '/iam-tokend'`,
    );
  });

  it('keeps every item when the disk is full, and stores the next one when there is space', async () => {
    let isDiskFull = true;
    const fs = interceptFileCalls((call) => {
      if (isDiskFull && call === 'writeFile') throw createFileError('ENOSPC');
    });
    const storeOnFullDisk = await createUnlockedStore({ fs });
    assert.equal(
      await problemTextOf(writeItem(storeOnFullDisk, 'b', 'two')),
      "keychain_unavailable: cannot write the file store /iam-tokend/store: no space left | df -h '/iam-tokend'",
    );
    assert.deepEqual(readFileSync(path()), before);
    assert.equal(await readItem(storeOnFullDisk, 'a'), 'one');
    isDiskFull = false;
    await writeItem(storeOnFullDisk, 'b', 'two');
    assert.deepEqual([await readItem(openStore, 'a'), await readItem(openStore, 'b')], ['one', 'two']);
  });

  it('does not write a file that is too large to read', async () => {
    assert.match(
      await problemTextOf(writeItem(openStore, 'b', 'x'.repeat(5_000_000))),
      /^keychain_unavailable: the file store \/iam-tokend\/store is full \(\d+ bytes; the limit is 4194304\) \| /,
    );
    assert.deepEqual(readFileSync(path()), before);
    assert.deepEqual(readdirSync(storeFolder()), ['store']);
  });
});
