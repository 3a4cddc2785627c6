import assert from 'node:assert/strict';
import { hasServiceManager, startCommand, userManagerFolder } from '../../src/platform/service-manager.ts';

type ServiceManagerContext = Parameters<typeof hasServiceManager>[0];

const anna: ServiceManagerContext = {
  platform: 'linux',
  env: { XDG_RUNTIME_DIR: '/run/user/1000' },
  uid: 1000,
  isOwnFolder: (path) => path === '/run/user/1000/systemd',
};

describe('service manager of a user', () => {
  it('is the systemd user manager, found even if XDG_RUNTIME_DIR is missing or wrong', () => {
    for (const XDG_RUNTIME_DIR of ['/run/user/1000', '', 'run', '/run/user/1', undefined]) {
      assert.equal(userManagerFolder({ ...anna, env: { XDG_RUNTIME_DIR } }), '/run/user/1000');
    }
    assert.equal(startCommand(anna), 'iam-token install');
  });

  it('is launchd on macOS', () => {
    assert.equal(
      startCommand({ ...anna, platform: 'darwin', env: {}, isOwnFolder: () => false }),
      'iam-token install',
    );
  });

  it('is the Task Scheduler on Windows', () => {
    const windows = { ...anna, platform: 'win32', env: {}, uid: null, isOwnFolder: () => false } as const;
    assert.equal(startCommand(windows), 'iam-token install');
  });

  it('is missing without a user manager, and for root', () => {
    for (const context of [
      { ...anna, isOwnFolder: () => false },
      { ...anna, uid: 0, isOwnFolder: () => true },
      { ...anna, platform: 'freebsd', isOwnFolder: () => true },
    ] as const) {
      assert.ok(!hasServiceManager(context));
      assert.equal(startCommand(context), 'iam-tokend &');
    }
  });
});
