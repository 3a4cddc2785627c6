import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { join } from 'node:path';
import { type FileCalls, readGuarded, replaceGuarded } from '../../src/keychain/guarded-file.ts';
import { diskError, watchedDisk } from '../support/failing-disk.ts';
import { problemOfRefusal } from '../support/refusal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const uid = process.getuid?.() ?? null;
const always = (): boolean => true;
const atMostBytes = 1_000_000;

describe('guarded-file', () => {
  const folder = temporaryFolder();
  const path = (): string => join(folder(), 'iam-tokend', 'store');
  const place = () => ({ path: path(), name: 'the file store' });
  const openFile = (fs: FileCalls = promises) => ({
    read: () => readGuarded(place(), atMostBytes, { fs, uid }),
    replace: (bytes: Buffer, opens: (readBack: Buffer) => boolean) =>
      replaceGuarded(place(), bytes, atMostBytes, opens, { fs, uid }),
  });

  /** What was refused, and how the folder was left. */
  async function refusal(work: Promise<unknown>): Promise<string> {
    const { code, message, hint } = await problemOfRefusal(work);
    assert.equal(code, 'keychain_unavailable');
    return `${message.replaceAll(folder(), '')} | ${hint?.replaceAll(folder(), '')}`;
  }

  it('makes file and folder for its owner alone', async () => {
    await openFile().replace(Buffer.from('new'), always);
    assert.equal(statSync(path()).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder(), 'iam-tokend')).mode & 0o777, 0o700);
    assert.deepEqual(await openFile().read(), Buffer.from('new'));
  });

  it('reads nothing where nothing is', async () => {
    assert.equal(await openFile().read(), null);
    mkdirSync(join(folder(), 'iam-tokend'), { mode: 0o700 });
    assert.equal(await openFile().read(), null);
  });

  it('syncs the new file, reads it back, renames it, and syncs the folder, in this order', async () => {
    await openFile().replace(Buffer.from('old'), always);
    const calls: string[] = [];
    const fs = watchedDisk((call, about) => {
      if (['readFile', 'rename', 'sync', 'writeFile'].includes(call)) {
        calls.push(`${call} ${about.replace(folder(), '')}`);
      }
    });
    await openFile(fs).replace(Buffer.from('new'), (readBack) => {
      assert.equal(readBack.toString(), 'new');
      assert.equal(readFileSync(path(), 'utf8'), 'old');
      calls.push('it opens');
      return true;
    });
    assert.deepEqual(calls, [
      'writeFile /iam-tokend/store.new',
      'sync /iam-tokend/store.new',
      'readFile /iam-tokend/store.new',
      'it opens',
      'rename /iam-tokend/store.new',
      'sync /iam-tokend',
    ]);
  });

  it('keeps the old file when the new one is not what was meant', async () => {
    await openFile().replace(Buffer.from('old'), always);
    assert.equal(
      await refusal(openFile().replace(Buffer.from('new'), () => false)),
      'the file store /iam-tokend/store was not written: the disk gave back something else' +
        " | check the disk of '/iam-tokend'; the store is as it was",
    );
    assert.deepEqual(readdirSync(join(folder(), 'iam-tokend')), ['store']);
    assert.equal(readFileSync(path(), 'utf8'), 'old');
  });

  it('has the old file or the new one, wherever it is ended, and goes on from there', async () => {
    let steps = 0;
    const count = watchedDisk(() => void (steps += 1));
    await openFile().replace(Buffer.from('old'), always);
    await openFile(count).replace(Buffer.from('new'), always);
    assert.ok(steps > 10);

    const left = new Set<string>();
    for (let last = 0; last <= steps; last++) {
      await openFile().replace(Buffer.from('old'), always);
      let step = 0;
      const dying = watchedDisk(() => {
        if (step++ >= last) throw new Error('the process has ended');
      });
      await openFile(dying)
        .replace(Buffer.from('new'), always)
        .catch(() => undefined);
      left.add((await openFile().read())?.toString() ?? 'nothing');
    }
    assert.deepEqual([...left], ['old', 'new']);
  });

  it('says that there is no room, and is as it was', async () => {
    await openFile().replace(Buffer.from('old'), always);
    for (const [call, code] of [
      ['writeFile', 'ENOSPC'],
      ['sync', 'ENOSPC'],
      ['close', 'EDQUOT'],
    ]) {
      const fs = watchedDisk((made, about) => {
        if (made === call && about.endsWith('.new')) throw diskError(String(code));
      });
      assert.equal(
        await refusal(openFile(fs).replace(Buffer.from('new'), always)),
        "there is no room for the file store /iam-tokend/store | make some: df -h '/iam-tokend'",
      );
      assert.deepEqual(readdirSync(join(folder(), 'iam-tokend')), ['store']);
      assert.equal(readFileSync(path(), 'utf8'), 'old');
    }
  });

  it('names what else the disk says, in one sentence', async () => {
    const broken = watchedDisk((call) => {
      if (call === 'writeFile' || call === 'readFile') throw diskError('EIO', 'i/o error');
    });
    await openFile().replace(Buffer.from('old'), always);
    assert.equal(
      await refusal(openFile(broken).replace(Buffer.from('new'), always)),
      "the file store /iam-tokend/store cannot be written: EIO: i/o error | see who may write there: ls -ld '/iam-tokend'",
    );
    assert.equal(
      await refusal(openFile(broken).read()),
      "the file store /iam-tokend/store cannot be read: EIO: i/o error | see who may read it: ls -ld '/iam-tokend/store'",
    );
  });

  it('writes over what an ended write has left', async () => {
    await openFile().replace(Buffer.from('old'), always);
    writeFileSync(`${path()}.new`, 'half of a dra', { mode: 0o644 });
    await openFile().replace(Buffer.from('new'), always);
    assert.deepEqual(readdirSync(join(folder(), 'iam-tokend')), ['store']);
    assert.equal(readFileSync(path(), 'utf8'), 'new');
  });

  describe('on a disk of 64 KiB', () => {
    let mounted = false;

    beforeEach(function () {
      mkdirSync(join(folder(), 'iam-tokend'));
      const where = join(folder(), 'iam-tokend');
      const options = `size=64k,mode=700,uid=${uid}`;
      mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', where]).status === 0;
      if (!mounted) this.skip();
    });

    afterEach(() => {
      if (mounted) spawnSync('umount', [join(folder(), 'iam-tokend')]);
    });

    it('says that there is no room, and is as it was', async () => {
      await openFile().replace(Buffer.alloc(40_000, 'old'), always);
      assert.equal(
        await refusal(openFile().replace(Buffer.alloc(40_000, 'new'), always)),
        "there is no room for the file store /iam-tokend/store | make some: df -h '/iam-tokend'",
      );
      assert.deepEqual(readdirSync(join(folder(), 'iam-tokend')), ['store']);
      assert.deepEqual(readFileSync(path()), Buffer.alloc(40_000, 'old'));
      await openFile().replace(Buffer.alloc(4_000, 'new'), always);
      assert.deepEqual(readFileSync(path()), Buffer.alloc(4_000, 'new'));
    });
  });
});
