import assert from 'node:assert/strict';
import { hasServiceManager, startCommand, userManagerFolder } from '../../src/platform/service-manager.ts';

type Known = Parameters<typeof hasServiceManager>[0];

const anna: Known = {
  platform: 'linux',
  env: { XDG_RUNTIME_DIR: '/run/user/1000' },
  uid: 1000,
  isOurs: (path) => path === '/run/user/1000/systemd',
};

describe('the service manager of a person', () => {
  it('is their systemd, whose folder is found also by who lost the variable, or has a wrong one', () => {
    for (const XDG_RUNTIME_DIR of ['/run/user/1000', '', 'run', '/run/user/1', undefined]) {
      assert.equal(userManagerFolder({ ...anna, env: { XDG_RUNTIME_DIR } }), '/run/user/1000');
    }
    assert.equal(startCommand(anna), 'iam-token install');
  });

  it('is launchd on macOS', () => {
    assert.equal(
      startCommand({ ...anna, platform: 'darwin', env: {}, isOurs: () => false }),
      'iam-token install',
    );
  });

  it('is the Task Scheduler on Windows', () => {
    const windows = { ...anna, platform: 'win32', env: {}, uid: null, isOurs: () => false } as const;
    assert.equal(startCommand(windows), 'iam-token install');
  });

  it('is none where no user manager runs, and none for root', () => {
    for (const known of [
      { ...anna, isOurs: () => false },
      { ...anna, uid: 0, isOurs: () => true },
      { ...anna, platform: 'freebsd', isOurs: () => true },
    ] as const) {
      assert.ok(!hasServiceManager(known));
      assert.equal(startCommand(known), 'iam-tokend &');
    }
  });
});
