import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { requireServiceSocket } from '../../../../src/cli/commands/setup/require-service-socket.ts';
import { defineUserService } from '../../../../src/cli/current-service.ts';
import type { ProcessContext } from '../../../../src/platform/paths.ts';
import { problemOf, renderProblem } from '../../../../src/shared/errors.ts';
import { canRunAsOtherUser, otherUid } from '../../../support/processes/other-user.ts';
import { waitForExit } from '../../../support/processes/process-result.ts';
import { clientBundle } from '../../../support/processes/run-cli.ts';
import { useTemporaryFolder } from '../../../support/temporary-folder.ts';

const homes = { linux: '/home/me', darwin: '/Users/me', win32: String.raw`C:\Users\me` } as const;

const contextOf = (platform: keyof typeof homes): ProcessContext => ({
  platform,
  env: {},
  home: () => homes[platform],
  uid: platform === 'win32' ? null : 1000,
  userName: () => 'me',
  isOwnFolder: (path) => path.startsWith('/run/user/1000'),
});

describe('the socket of a service', () => {
  const services: readonly (readonly [keyof typeof homes, string, string])[] = [
    ['linux', '/run/user/1000/iam-tokend/ipc.sock', '/tmp/x/ipc.sock'],
    ['darwin', '/Users/me/Library/Application Support/iam-tokend/ipc.sock', '/tmp/x/ipc.sock'],
    ['win32', String.raw`\\.\pipe\iam-tokend-me`, String.raw`\\.\pipe\other`],
  ];

  for (const [platform, ownPath, otherPath] of services) {
    const context = contextOf(platform);
    const requireSocket = (path: string | undefined): void =>
      requireServiceSocket(defineUserService(context), path, context);

    it(`E13: is its own on ${platform}: install refuses another`, () => {
      assert.throws(
        () => requireSocket(otherPath),
        (error) => {
          const { message, hint } = renderProblem(problemOf(error));
          assert.equal(message, `the service cannot listen on ${otherPath}: its socket is ${ownPath}`);
          assert.match(
            hint ?? '',
            /^without --socket: iam-token install\nwithout a service: iam-tokend --socket /,
          );
          return true;
        },
      );
    });

    it(`E13: may be named by its own path on ${platform}`, () => {
      requireSocket(ownPath);
      requireSocket(undefined);
    });
  }
});

describe('iam-token install --socket', () => {
  const folder = useTemporaryFolder();

  before(function () {
    if (!canRunAsOtherUser()) this.skip();
  });

  for (const options of [[], ['--dry-run'], ['--yc']] as const) {
    it(`E13: exits with 2 and writes nothing, with ${options[0] ?? 'no other option'}`, async () => {
      for (const name of ['', 'home', 'run', 'run/systemd']) {
        mkdirSync(join(folder(), name), { recursive: true });
        chownSync(join(folder(), name), otherUid, otherUid);
      }
      const env = {
        HOME: join(folder(), 'home'),
        XDG_RUNTIME_DIR: join(folder(), 'run'),
        PATH: '/usr/bin:/bin',
      };
      const args = [clientBundle, 'install', ...options, '--socket', '/tmp/other/ipc.sock'];
      const child = spawn(process.execPath, args, { env, uid: otherUid, gid: otherUid, cwd: '/' });
      const { code, stdout, stderr } = await waitForExit(child);
      assert.deepEqual([code, stdout], [2, ''], stderr);
      assert.match(
        stderr,
        /^iam-token: error: the service cannot listen on \/tmp\/other\/ipc\.sock: its socket is /,
      );
      assert.ok(!existsSync(join(folder(), 'home', '.config')));
    });
  }
});
