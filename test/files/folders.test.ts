import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemFiles } from '../../src/files/file-system.ts';
import { createFolder, ensurePrivateFolder, ensureTrustedFolder } from '../../src/files/folders.ts';
import { captureProblem } from '../support/problems.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const uid = process.getuid?.() ?? 0;

describe('folders', () => {
  const temporaryFolder = useTemporaryFolder();
  const path = (): string => join(temporaryFolder(), 'folder');
  const target = () => ({ path: path(), name: 'the state folder' });
  const modeOf = (folder: string): number => statSync(folder).mode & 0o777;

  async function failureOf(operation: Promise<unknown>): Promise<string> {
    const { message, hint } = await captureProblem(operation);
    return `${message} | ${hint}`.replaceAll(temporaryFolder(), '');
  }

  describe('createFolder', () => {
    it('creates a folder and its parents for their owner only, and leaves an existing one as it is', async () => {
      const inner = join(path(), 'inner');
      await createFolder({ ...target(), path: inner }, systemFiles(uid));
      assert.deepEqual([modeOf(path()), modeOf(inner)], [0o700, 0o700]);
      chmodSync(inner, 0o755);
      await createFolder({ ...target(), path: inner }, systemFiles(uid));
      assert.equal(modeOf(inner), 0o755);
    });

    it('names the folder and the reason of a failure', async () => {
      writeFileSync(path(), '');
      assert.equal(
        await failureOf(createFolder({ ...target(), path: join(path(), 'inner') }, systemFiles(uid))),
        "cannot create the state folder /folder/inner: a part of the path is not a folder | ls -ld '/folder'",
      );
    });
  });

  describe('ensurePrivateFolder', () => {
    it('rejects a link, a file, and a folder that other users can enter', async () => {
      mkdirSync(path());
      chmodSync(path(), 0o711);
      assert.equal(
        await failureOf(ensurePrivateFolder(target(), systemFiles(uid))),
        "the state folder /folder is accessible to other users (mode 0711) | chmod 700 '/folder'",
      );
      chmodSync(path(), 0o700);
      await ensurePrivateFolder(target(), systemFiles(uid));
      const link = join(temporaryFolder(), 'link');
      symlinkSync(path(), link);
      assert.equal(
        await failureOf(ensurePrivateFolder({ ...target(), path: link }, systemFiles(uid))),
        'the state folder /link is a symbolic link | ' +
          "folder=\"$(readlink -f '/link')\" && rm '/link' && mv \"$folder\" '/link'",
      );
      const file = join(temporaryFolder(), 'file');
      writeFileSync(file, '');
      assert.equal(
        await failureOf(ensurePrivateFolder({ ...target(), path: file }, systemFiles(uid))),
        "the state folder /file is not a folder | mv '/file' '/file.old'",
      );
    });
  });

  describe('ensureTrustedFolder', () => {
    it('creates a folder for its owner only', async () => {
      await ensureTrustedFolder(target(), systemFiles(uid));
      assert.equal(modeOf(path()), 0o700);
    });

    it('accepts readers and a link, and rejects other writers and owners', async () => {
      mkdirSync(path());
      chmodSync(path(), 0o777);
      assert.equal(
        await failureOf(ensureTrustedFolder(target(), systemFiles(uid))),
        "the state folder /folder is writable by other users (mode 0777) | chmod go-w '/folder'",
      );
      chmodSync(path(), 0o755);
      await ensureTrustedFolder(target(), systemFiles(uid));
      const link = join(temporaryFolder(), 'link');
      symlinkSync(path(), link);
      await ensureTrustedFolder({ ...target(), path: link }, systemFiles(uid));
      if (uid === 0) chownSync(path(), 65_534, 65_534);
      const otherUid = uid === 0 ? 1 : uid + 1;
      assert.equal(
        await failureOf(ensureTrustedFolder(target(), systemFiles(otherUid))),
        `the state folder /folder belongs to another user (uid ${uid === 0 ? 65_534 : uid}) | sudo chown -R ${otherUid} '/folder'`,
      );
    });
  });
});
