import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from '../../../conventions/source-tree.ts';
import { hasNativeClient } from '../../../support/native/native-clients.ts';
import { canRunAsOtherUser, otherUid } from '../../../support/processes/other-user.ts';
import { type ProcessResult, waitForExit } from '../../../support/processes/process-result.ts';
import { clientBundle } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';
import { spawn } from 'node:child_process';

describe('iam-token install', function () {
  const folder = useTemporaryFolder();
  const home = (): string => join(folder(), 'home');

  before(function () {
    if (!canRunAsOtherUser()) this.skip();
  });

  beforeEach(() => {
    for (const name of ['home', 'run', 'run/systemd', 'programs']) {
      mkdirSync(join(folder(), name));
      chownSync(join(folder(), name), otherUid, otherUid);
    }
    chownSync(folder(), otherUid, otherUid);
    for (const program of ['systemctl', 'loginctl']) {
      writeFileSync(join(folder(), 'programs', program), '#!/bin/sh\n');
      chmodSync(join(folder(), 'programs', program), 0o755);
    }
  });

  /** As another user, with a service manager that does nothing. */
  function runInstall(umask: string, program = clientBundle): Promise<ProcessResult> {
    const args = ['-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, program, 'install', '--yc'];
    const env = {
      HOME: home(),
      XDG_RUNTIME_DIR: join(folder(), 'run'),
      PATH: `${join(folder(), 'programs')}:/usr/bin:/bin`,
    };
    return waitForExit(spawn('sh', args, { env, uid: otherUid, gid: otherUid, cwd: '/' }));
  }

  const modesBelow = (path: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(path, { withFileTypes: true, recursive: true }).map((entry) => {
        const entryPath = join(entry.parentPath, entry.name);
        return [relative(path, entryPath), (lstatSync(entryPath).mode & 0o7777).toString(8)];
      }),
    );

  for (const umask of ['000', '077', '022']) {
    it(`D7: writes files and folders with the same modes under umask ${umask}`, async () => {
      const { stderr, code } = await runInstall(umask);
      assert.equal(code, 0, stderr);
      assert.deepEqual(modesBelow(home()), {
        '.config': '700',
        '.config/systemd': '700',
        '.config/systemd/user': '700',
        '.config/systemd/user/iam-tokend.service': '644',
        '.config/systemd/user/iam-tokend.socket': '644',
        '.local': '755',
        '.local/bin': '755',
        '.local/bin/docker-credential-iam-token': '755',
        // A link has no mode of its own on Linux.
        ...(hasNativeClient ? { '.local/bin/iam-token': '777' } : {}),
        '.local/bin/yc': '755',
      });
    });
  }

  it('D7: refuses a package whose path contains a line break, before it writes anything', async () => {
    const packageFolder = join(folder(), 'a\nExecStartPre=/bin/false\n/package');
    for (const name of ['dist/bin', 'systemd']) {
      mkdirSync(dirname(join(packageFolder, name)), { recursive: true });
      cpSync(join(root, name), join(packageFolder, name), { recursive: true });
    }
    const { stderr, code } = await runInstall('022', join(packageFolder, 'dist/bin/iam-token.js'));
    assert.match(stderr, /contains a control character/);
    assert.equal(code, 2);
    assert.ok(!existsSync(join(home(), '.config')) && !existsSync(join(home(), '.local')));
  });
});
