import assert from 'node:assert/strict';
import {
  changeSettingCommand,
  findHidingSetting,
  findOwnService,
} from '../../src/platform/service-sandbox.ts';

const runtimeFolder = '/run/user/1000';
const mount = (root: string, mountPoint: string): string =>
  `110 88 0:39 ${root} ${mountPoint} ro,relatime shared:24 - tmpfs tmpfs rw,mode=755\n`;
const usualMounts = mount('/', '/') + mount('/', '/run') + mount('/', '/tmp');

describe('the sandbox of a service', () => {
  for (const [cgroup, env, expected] of [
    ['0::/system.slice/web.service\n', {}, { unit: 'web.service', isUserUnit: false }],
    [
      '12:pids:/x.service\n1:name=systemd:/system.slice/a@b.service\n',
      {},
      { unit: 'a@b.service', isUserUnit: false },
    ],
    [
      '0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n',
      { MANAGERPID: '700' },
      { unit: 'web.service', isUserUnit: true },
    ],
    ['0::/user.slice/user-1000.slice/session-1.scope\n', {}, null],
    ['0::/\n', {}, null],
    ['', {}, null],
  ] as const) {
    it(`C7: belongs to ${expected === null ? 'no unit' : expected.unit} in ${JSON.stringify(cgroup)}`, () => {
      assert.deepEqual(findOwnService(cgroup, env), expected);
    });
  }

  for (const [title, mountinfo, isVisible, expected] of [
    ['nothing usually', usualMounts + mount('/', runtimeFolder), true, null],
    ['nothing without a session', usualMounts, false, null],
    [
      'the runtime folder with ProtectHome=yes',
      usualMounts + mount('/systemd/inaccessible/dir', '/run/user'),
      false,
      { name: 'ProtectHome', hiddenPath: runtimeFolder, value: 'read-only' },
    ],
    ['nothing with ProtectHome=read-only', usualMounts + mount('/user', '/run/user'), true, null],
    [
      'the sockets in /tmp with PrivateTmp=yes',
      usualMounts + mount('/systemd-private-0123-web.service-x/tmp', '/tmp'),
      false,
      { name: 'PrivateTmp', hiddenPath: '/tmp', value: 'no' },
    ],
    [
      'nothing with PrivateTmp=yes in a session',
      usualMounts + mount('/systemd-private-0123-web.service-x/tmp', '/tmp'),
      true,
      null,
    ],
  ] as const) {
    it(`C7: hides ${title}`, () => {
      assert.deepEqual(findHidingSetting(mountinfo, runtimeFolder, isVisible), expected);
    });
  }

  it('C7: is changed by a command of its manager', () => {
    const command = (unit: string, isUserUnit: boolean): string =>
      changeSettingCommand({ unit, isUserUnit }, 'ProtectHome', 'read-only');
    assert.equal(
      command('web.service', false),
      String.raw`sudo mkdir -p /etc/systemd/system/web.service.d && printf '[Service]\nProtectHome=read-only\n' | sudo tee /etc/systemd/system/web.service.d/iam-tokend.conf && sudo systemctl daemon-reload && sudo systemctl restart web.service`,
    );
    assert.match(command(String.raw`a\x2db.service`, true), /systemctl --user restart 'a\\x2db\.service'$/);
    assert.equal(
      command('run-u17.service', true),
      'systemd-run --user --wait --pipe --property=ProtectHome=read-only iam-token',
    );
    assert.equal(
      command('run-r0123456789abcdef.service', false),
      'systemd-run --wait --pipe --property=ProtectHome=read-only iam-token',
    );
  });
});
