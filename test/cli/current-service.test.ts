import assert from 'node:assert/strict';
import { findSystemService, findUserService } from '../../src/cli/current-service.ts';
import { IamTokenError } from '../../src/shared/errors.ts';
import type { ProcessContext } from '../../src/platform/paths.ts';

const userContext: ProcessContext = {
  platform: 'linux',
  env: { XDG_CONFIG_HOME: '/home/anna/conf' },
  home: () => '/home/anna',
  uid: 1000,
  userName: () => 'anna',
  isOwnFolder: (path) => path === '/run/user/1000/systemd',
};

describe('the service of this machine', () => {
  it('is a systemd unit in the configuration folder of the user', () => {
    assert.equal(
      findUserService(userContext).files[0]?.path,
      '/home/anna/conf/systemd/user/iam-tokend.service',
    );
  });

  it('is a launchd agent on macOS', () => {
    assert.equal(findUserService({ ...userContext, platform: 'darwin' }).manager, 'launchd');
  });

  it('is a task of the user on Windows', () => {
    const windows: ProcessContext = {
      ...userContext,
      platform: 'win32',
      env: { USERDOMAIN: 'PC', LOCALAPPDATA: String.raw`D:\Local` },
      uid: null,
    };
    const task = findUserService(windows);
    assert.equal(task.unit, 'iam-tokend-anna');
    assert.equal(task.files[0]?.path, String.raw`D:\Local\iam-tokend\logon-task.xml`);
    assert.match(task.fillTemplate('', ['node.exe']), /<UserId>PC\\anna</);
    assert.match(
      findUserService({ ...windows, env: {} }).fillTemplate('', ['node.exe']),
      /<UserId>\.\\anna</,
    );
  });

  it('is refused to root, whose daemon no other user could call', () => {
    for (const platform of ['linux', 'darwin'] as const) {
      assert.throws(
        () => findUserService({ ...userContext, platform, uid: 0, isOwnFolder: () => true }),
        (error) =>
          error instanceof IamTokenError &&
          error.code === 'bad_request' &&
          error.hint ===
            'for your own user, without sudo: iam-token install\nfor all users: iam-token install --system',
      );
    }
  });

  it('of the whole system is available to root only', () => {
    const root: ProcessContext = {
      ...userContext,
      uid: 0,
      isOwnFolder: (path) => path === '/run/systemd/system',
    };
    assert.equal(findSystemService(root).files[0]?.path, '/etc/systemd/system/iam-tokend.service');
    const rejectedCases: readonly (readonly [ProcessContext, RegExp])[] = [
      [{ ...root, uid: 1000 }, /^sudo iam-token install --system$/],
      [{ ...root, isOwnFolder: () => false }, /iam-tokend --config \/etc\/iam-tokend\/config\.yaml/],
      [{ ...root, platform: 'darwin' }, /iam-tokend --config/],
    ];
    for (const [processContext, hint] of rejectedCases) {
      assert.throws(
        () => findSystemService(processContext),
        (error) =>
          error instanceof IamTokenError && error.code === 'bad_request' && hint.test(error.hint ?? ''),
      );
    }
  });

  it('requires a service manager; the hint is a command without one', () => {
    assert.throws(
      () => findUserService({ ...userContext, isOwnFolder: () => false }),
      (error) =>
        error instanceof IamTokenError &&
        error.code === 'bad_request' &&
        /iam-tokend &/.test(error.hint ?? ''),
    );
  });
});
