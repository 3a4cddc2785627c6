import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findConfigAccessWarning } from '../../src/config/config-access.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const uid = process.getuid?.() ?? 0;

describe('the access to config.yaml', () => {
  const folder = useTemporaryFolder();
  const path = (): string => join(folder(), 'config.yaml');
  const withMode = (mode: number): void => {
    writeFileSync(path(), '');
    chmodSync(path(), mode);
  };

  for (const mode of [0o600, 0o400]) {
    it(`D7: causes no warning with mode ${mode.toString(8)} and a password`, async () => {
      withMode(mode);
      assert.equal(await findConfigAccessWarning(path(), uid, true), null);
    });
  }

  for (const [mode, octal] of [
    [0o644, '0644'],
    [0o640, '0640'],
    [0o604, '0604'],
    [0o610, '0610'],
  ] as const) {
    it(`D7: causes a warning with mode ${octal} and a password only`, async () => {
      withMode(mode);
      assert.equal(await findConfigAccessWarning(path(), uid, false), null);
      assert.deepEqual(await findConfigAccessWarning(path(), uid, true), {
        message: `${path()} contains the password of a proxy and is accessible to other users (mode ${octal})`,
        command: `chmod 600 '${path()}'`,
      });
    });
  }

  it('D7: causes a warning if others can write to it, without a password too', async () => {
    withMode(0o664);
    assert.deepEqual(await findConfigAccessWarning(path(), uid, false), {
      message: `${path()} is writable by other users (mode 0664)`,
      command: `chmod go-w '${path()}'`,
    });
  });

  it('D7: gives no command for a file of another user', async function () {
    if (uid !== 0) this.skip();
    withMode(0o644);
    chownSync(path(), 61_235, 61_235);
    assert.deepEqual(await findConfigAccessWarning(path(), uid, true), {
      message: `${path()} contains the password of a proxy and belongs to another user (uid 61235)`,
      command: null,
    });
    chownSync(path(), 0, 0);
    assert.equal((await findConfigAccessWarning(path(), 61_235, true))?.command, null);
  });

  it('D8: causes a warning if it is a link to a file that other users can replace', async () => {
    const shared = join(folder(), 'shared');
    mkdirSync(shared);
    writeFileSync(join(shared, 'config.yaml'), '', { mode: 0o600 });
    symlinkSync(join(shared, 'config.yaml'), path());
    assert.equal(await findConfigAccessWarning(path(), uid, false), null);
    chmodSync(shared, 0o777);
    assert.deepEqual(await findConfigAccessWarning(path(), uid, false), {
      message: `other users can replace ${path()}: ${shared} is writable by other users (mode 0777)`,
      command: null,
    });
  });

  it('D7: is not checked on Windows, nor without a file', async () => {
    assert.equal(await findConfigAccessWarning(path(), uid, true), null);
    withMode(0o666);
    assert.equal(await findConfigAccessWarning(path(), null, true), null);
  });
});
