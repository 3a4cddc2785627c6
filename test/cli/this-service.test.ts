import assert from 'node:assert/strict';
import { thisService } from '../../src/cli/this-service.ts';
import { IamTokenError } from '../../src/client/iam-token-error.ts';
import type { Surroundings } from '../../src/platform/places.ts';

const anna: Surroundings = {
  platform: 'linux',
  env: { XDG_CONFIG_HOME: '/home/anna/conf' },
  home: () => '/home/anna',
  uid: 1000,
  userName: () => 'anna',
  isOurs: (path) => path === '/run/user/1000/systemd',
};

describe('the service of this machine', () => {
  it('is one of systemd, with its units where the person keeps their own', () => {
    assert.equal(thisService(anna).files[0]?.path, '/home/anna/conf/systemd/user/iam-tokend.service');
  });

  it('is an agent of launchd on macOS', () => {
    assert.equal(thisService({ ...anna, platform: 'darwin' }).manager, 'launchd');
  });

  it('is a task of that person on Windows', () => {
    const windows: Surroundings = {
      ...anna,
      platform: 'win32',
      env: { USERDOMAIN: 'PC', LOCALAPPDATA: String.raw`D:\Local` },
      uid: null,
    };
    const task = thisService(windows);
    assert.equal(task.unit, 'iam-tokend-anna');
    assert.equal(task.files[0]?.path, String.raw`D:\Local\iam-tokend\logon-task.xml`);
    assert.match(task.fill('', ['node.exe']), /<UserId>PC\\anna</);
    assert.match(thisService({ ...windows, env: {} }).fill('', ['node.exe']), /<UserId>\.\\anna</);
  });

  it('is none of root, in whose stead nobody wants a daemon', () => {
    for (const platform of ['linux', 'darwin'] as const) {
      assert.throws(
        () => thisService({ ...anna, platform, uid: 0, isOurs: () => true }),
        (error) =>
          error instanceof IamTokenError &&
          error.code === 'bad_request' &&
          /without sudo/.test(error.hint ?? ''),
      );
    }
  });

  it('is one of the whole system for root alone, who is told of it', () => {
    const root: Surroundings = { ...anna, uid: 0, isOurs: (path) => path === '/run/systemd/system' };
    assert.equal(thisService(root, true).files[0]?.path, '/etc/systemd/system/iam-tokend.service');
    const refused: readonly (readonly [Surroundings, boolean, RegExp])[] = [
      [root, false, /iam-token install --system/],
      [{ ...root, uid: 1000 }, true, /sudo/],
      [{ ...root, isOurs: () => false }, true, /iam-tokend --config \/etc\/iam-tokend\/config\.yaml/],
      [{ ...root, platform: 'darwin' }, true, /iam-tokend --config/],
    ];
    for (const [surroundings, isForSystem, hint] of refused) {
      assert.throws(
        () => thisService(surroundings, isForSystem),
        (error) =>
          error instanceof IamTokenError && error.code === 'bad_request' && hint.test(error.hint ?? ''),
      );
    }
  });

  it('is none where no manager runs, with the way to go on as a hint', () => {
    assert.throws(
      () => thisService({ ...anna, isOurs: () => false }),
      (error) =>
        error instanceof IamTokenError &&
        error.code === 'bad_request' &&
        /iam-tokend &/.test(error.hint ?? ''),
    );
    for (const isForSystem of [false, true]) {
      assert.throws(
        () =>
          thisService(
            { ...anna, uid: isForSystem ? 0 : 1000, isOurs: () => false },
            isForSystem,
            'iam-token stop',
          ),
        (error) =>
          error instanceof IamTokenError && error.code === 'bad_request' && error.hint === 'iam-token stop',
      );
    }
  });
});
