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
import type { FileCalls } from '../../src/keychain/guarded-file.ts';
import type { CredentialStore } from '../../src/keychain/credential-store.ts';
import { diskError, watchedDisk } from '../support/failing-disk.ts';
import { fileStores, problem, read, right, startAnew, uid, write } from '../support/file-stores.ts';

describe('file-store, whose file or folder is not as it should be', () => {
  const { folder, home, path, store, unlocked, said, saidByState } = fileStores();

  let opened: CredentialStore;
  let before: Buffer;

  beforeEach(async () => {
    opened = await unlocked();
    await write(opened, 'a', 'one');
    before = readFileSync(path());
  });

  const replaced = (change: (bytes: Buffer) => Buffer): void =>
    writeFileSync(path(), change(Buffer.from(before)));

  interface Fault {
    readonly make: () => void;
    readonly sentence: string;
    /** Whether the hint is a command that puts it right. */
    readonly typed?: true;
  }

  const damaged = `the file store /iam-tokend/store is cut or was changed | put a copy back, or ${startAnew}`;
  const faults: Readonly<Record<string, Fault>> = {
    'a cut file': { make: () => truncateSync(path(), before.length - 1), sentence: damaged },
    'an emptied file': { make: () => truncateSync(path(), 0), sentence: damaged },
    'a changed file': {
      make: () => replaced((bytes) => bytes.fill(bytes.readUInt8(60) ^ 1, 60, 61)),
      sentence: damaged,
    },
    'a file that is no store': {
      make: () => replaced(() => Buffer.from('hello')),
      sentence: `the file store /iam-tokend/store is no store of iam-tokend | ${startAnew}`,
    },
    'a file that is far too large': {
      make: () => truncateSync(path(), 5_000_000),
      sentence:
        "the file store /iam-tokend/store is larger than it can be (5000000 bytes) | see what it is: ls -ld '/iam-tokend/store'",
    },
    'a file that others may read': {
      make: () => chmodSync(path(), 0o644),
      sentence:
        "the file store /iam-tokend/store is open to others (mode 0644) | chmod 600 '/iam-tokend/store'",
      typed: true,
    },
    'a folder that others may enter': {
      make: () => chmodSync(home(), 0o711),
      sentence: "the file store's folder /iam-tokend is open to others (mode 0711) | chmod 700 '/iam-tokend'",
      typed: true,
    },
    'a link in the place of the file': {
      make: () => {
        renameSync(path(), join(folder(), 'elsewhere'));
        symlinkSync('../elsewhere', path());
      },
      sentence:
        'the file store /iam-tokend/store is a link | to put the file itself there: ' +
        "mv \"$(readlink -f '/iam-tokend/store')\" '/iam-tokend/store'",
      typed: true,
    },
    'a link in the place of the folder': {
      make: () => {
        renameSync(home(), join(folder(), 'elsewhere'));
        symlinkSync('elsewhere', home());
      },
      sentence:
        "the file store's folder /iam-tokend is a link | set XDG_STATE_HOME to the real place, and rm '/iam-tokend'",
    },
    'a pipe in the place of the file': {
      make: () => {
        rmSync(path());
        spawnSync('mkfifo', ['-m', '600', path()]);
      },
      sentence: "the file store /iam-tokend/store is no file | see what it is: ls -ld '/iam-tokend/store'",
    },
    'a folder in the place of the file': {
      make: () => {
        rmSync(path());
        mkdirSync(path());
      },
      sentence: "the file store /iam-tokend/store is no file | see what it is: ls -ld '/iam-tokend/store'",
    },
  };

  for (const [name, { make, sentence, typed }] of Object.entries(faults)) {
    it(`names ${name}, open or locked, and changes nothing`, async () => {
      make();
      const found = existsSync(path()) && statSync(path()).isFile() ? readFileSync(path()) : null;
      for (const each of [opened, store()]) {
        assert.equal(await saidByState(each), `keychain_unavailable: ${sentence}`);
        assert.equal(await said(each.read('a', 'unasked')), `keychain_unavailable: ${sentence}`);
        assert.equal(await said(write(each, 'a', 'two')), `keychain_unavailable: ${sentence}`);
        assert.equal(await said(each.remove('a', 'asked')), `keychain_unavailable: ${sentence}`);
        assert.equal(await said(each.unlock(right)), `keychain_unavailable: ${sentence}`);
      }
      if (found !== null) assert.deepEqual(readFileSync(path()), found);
      if (typed === undefined) return;
      const { hint } = await problem(opened.read('a', 'unasked'));
      spawnSync('sh', ['-c', hint?.replace(/^to .*: /, '') ?? '']);
      assert.equal(await read(opened, 'a'), 'one');
      assert.deepEqual(readFileSync(path()), before);
    });
  }

  it('names a newer version, and what takes too much work', async () => {
    const withByte = (index: number, byte: number): void =>
      replaced((bytes) => {
        bytes[index] = byte;
        const body = bytes.subarray(0, -32);
        return Buffer.concat([body, createHash('sha256').update(body).digest()]);
      });
    withByte(16, 2);
    assert.equal(
      await said(store().unlock(right)),
      'keychain_unavailable: the file store /iam-tokend/store was written by a newer iam-tokend | ' +
        'upgrade this one, as that one was',
    );
    withByte(18, 40);
    assert.equal(
      await said(store().unlock(right)),
      'keychain_unavailable: the file store /iam-tokend/store asks for more work than a passphrase may take, ' +
        `and iam-tokend did not write it so | put a copy back, or ${startAnew}`,
    );
    // An open store knows its passphrase: what does not open now was changed.
    withByte(60, 1);
    assert.equal(await saidByState(opened), `keychain_unavailable: ${damaged}`);
  });

  it('names a file or folder of somebody else', async () => {
    const foreign = (about: () => string): FileCalls => {
      const disk = watchedDisk(() => undefined);
      const theirs = <T extends object>(stats: T): T => Object.assign(stats, { uid: 12_345 });
      return {
        ...disk,
        lstat: (async (asked: string) => {
          const stats = await disk.lstat(asked);
          return asked === about() ? theirs(stats) : stats;
        }) as FileCalls['lstat'],
        async open(asked, flags, mode) {
          const file = await disk.open(asked, flags, mode);
          if (asked !== about()) return file;
          const stats = theirs(await file.stat());
          return Object.assign(file, { stat: async () => stats });
        },
      };
    };
    assert.equal(
      await saidByState(store({ fs: foreign(path) })),
      'keychain_unavailable: the file store /iam-tokend/store belongs to somebody else (uid 12345) | ' +
        `find out who made it; if it is to be yours: sudo chown ${uid} '/iam-tokend/store'`,
    );
    assert.equal(
      await saidByState(store({ fs: foreign(home) })),
      "keychain_unavailable: the file store's folder /iam-tokend belongs to somebody else (uid 12345) | " +
        `find out who made it; if it is to be yours: sudo chown ${uid} '/iam-tokend'`,
    );
  });

  it('keeps every item when the disk is full, and takes the next when there is room', async () => {
    let full = true;
    const fs = watchedDisk((call) => {
      if (full && call === 'writeFile') throw diskError('ENOSPC');
    });
    const cramped = await unlocked({ fs });
    assert.equal(
      await said(write(cramped, 'b', 'two')),
      "keychain_unavailable: there is no room for the file store /iam-tokend/store | make some: df -h '/iam-tokend'",
    );
    assert.deepEqual(readFileSync(path()), before);
    assert.equal(await read(cramped, 'a'), 'one');
    full = false;
    await write(cramped, 'b', 'two');
    assert.deepEqual([await read(opened, 'a'), await read(opened, 'b')], ['one', 'two']);
  });

  it('does not write what it could not read again', async () => {
    assert.match(await said(write(opened, 'b', 'x'.repeat(5_000_000))), /draft .* is larger than it can be/);
    assert.deepEqual(readFileSync(path()), before);
    assert.deepEqual(readdirSync(home()), ['store']);
  });
});
