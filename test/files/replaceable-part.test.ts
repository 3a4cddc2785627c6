import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemFiles } from '../../src/files/file-system.ts';
import { checkPrivateFolder, ensureTrustedFolder } from '../../src/files/folders.ts';
import { findReplaceablePart } from '../../src/files/path-parts/replaceable-part.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const otherUid = 65_534;

describe('a path that another user can replace', () => {
  const folder = useTemporaryFolder();
  const uid = process.getuid?.() ?? 0;
  const find = async (name: string): Promise<string | undefined> =>
    (await findReplaceablePart(join(folder(), name), uid))?.message.replace(`${folder()}/`, '');

  beforeEach(() => {
    mkdirSync(join(folder(), 'own/inner'), { recursive: true, mode: 0o700 });
    mkdirSync(join(folder(), 'shared'));
    mkdirSync(join(folder(), 'shared/inner'), { mode: 0o700 });
    writeFileSync(join(folder(), 'own/program'), '', { mode: 0o755 });
    symlinkSync('own', join(folder(), 'link'));
    symlinkSync('../own/inner', join(folder(), 'shared/link'));
  });

  it('D8: is none if every part belongs to this user or root, and is closed to others', async () => {
    for (const name of ['own/inner', 'own/program', 'link/inner', 'own/missing/below', 'link/../own/./inner'])
      assert.equal(await find(name), undefined, name);
  });

  it('D8: has a part that others can write to, above or behind a link too', async () => {
    chmodSync(join(folder(), 'shared'), 0o777);
    const message = 'shared is writable by other users (mode 0777)';
    assert.deepEqual(await Promise.all(['shared', 'shared/inner', 'shared/link'].map(find)), [
      message,
      message,
      message,
    ]);
    chmodSync(join(folder(), 'own/program'), 0o722);
    assert.equal(await find('link/program'), 'own/program is writable by other users (mode 0722)');
  });

  it('D8: is none in a sticky folder, where only its owner can replace it', async () => {
    chmodSync(join(folder(), 'shared'), 0o1777);
    assert.equal(await find('shared/inner'), undefined);
  });

  it('D8: has a part of another user, or a link of theirs', async function () {
    if (uid !== 0) this.skip();
    chmodSync(join(folder(), 'shared'), 0o1777);
    lchownSync(join(folder(), 'shared/link'), otherUid, otherUid);
    assert.equal(await find('shared/link'), 'shared/link belongs to another user (uid 65534)');
    chownSync(join(folder(), 'shared'), otherUid, otherUid);
    assert.equal(await find('shared/inner'), 'shared belongs to another user (uid 65534)');
  });

  it('D8: ends at a link that leads to itself', async () => {
    symlinkSync('loop', join(folder(), 'loop'));
    await assert.rejects(find('loop'), /loop is one of too many symbolic links$/);
  });

  it('D8: is accepted neither as the configuration folder nor as that of the file store', async () => {
    chmodSync(join(folder(), 'shared'), 0o777);
    const inner = { path: join(folder(), 'shared/inner'), name: 'the folder' };
    const expected =
      /other users can replace the folder .*: .*shared is writable by other users \(mode 0777\)/;
    await assert.rejects(ensureTrustedFolder(inner, systemFiles(uid)), expected);
    await assert.rejects(checkPrivateFolder(inner, systemFiles(uid)), expected);
  });
});
