import assert from 'node:assert/strict';
import { explainDenial, explainNotRunning } from '../../src/client/explain-unreachable.ts';
import { type ProcessContext, systemPaths } from '../../src/platform/paths.ts';

const contextOf = (
  uid: number,
  env: ProcessContext['env'],
  platform: NodeJS.Platform = 'linux',
): ProcessContext => ({
  ...{ platform, env, uid, home: () => '/root', userName: () => 'root', isOwnFolder: () => false },
});

describe('a client that finds no daemon', () => {
  for (const [title, uid, env, program, user] of [
    ['sudo', 0, { SUDO_USER: 'anna', SUDO_UID: '61301' }, 'sudo', 'anna'],
    ['sudo -u', 61_302, { SUDO_USER: 'anna', SUDO_UID: '61301' }, 'sudo', 'anna'],
    ['a user with a space', 0, { SUDO_USER: 'an na', SUDO_UID: '61301' }, 'sudo', "'an na'"],
    ['doas', 0, { DOAS_USER: 'anna' }, 'doas', 'anna'],
    ['pkexec, which names no user', 0, { PKEXEC_UID: '61301' }, 'pkexec', "'#61301'"],
  ] as const) {
    it(`C7: names ${title}, and the command for the other user`, () => {
      // Linux may have a daemon for all users.
      const { message = '', hint } = explainNotRunning(undefined, 'm', contextOf(uid, env, 'darwin')) ?? {};
      assert.ok(
        message.startsWith(`m: ${program} runs iam-token as another user, and the daemon of `),
        message,
      );
      assert.equal(hint, `sudo -u ${user} iam-token`);
    });
  }

  for (const [title, uid, env] of [
    ['without sudo', 0, {}],
    ['with sudo to the same user', 61_301, { SUDO_USER: 'anna', SUDO_UID: '61301' }],
    ['with sudo of root', 0, { SUDO_USER: 'root', SUDO_UID: '0' }],
    ['with variables that are not those of sudo', 0, { SUDO_USER: 'a\u001Bb', SUDO_UID: 'x' }],
  ] as const) {
    it(`C7: has nothing to explain ${title}`, () => {
      assert.equal(explainNotRunning(undefined, 'm', contextOf(uid, env, 'darwin')), null);
    });
  }

  it('C8: explains no denial of another socket, or to root', () => {
    assert.equal(explainDenial('/tmp/x/ipc.sock', 'EACCES', contextOf(61_301, {})), null);
    assert.equal(explainDenial(systemPaths.socket, 'EACCES', contextOf(0, {})), null);
  });
});
