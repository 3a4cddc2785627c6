import assert from 'node:assert/strict';
import { isOfVersionManager, nodeForService } from '../../src/service/node-program.ts';

describe('the Node that starts the daemon', () => {
  const own = '/home/anna/.nvm/versions/node/v22.1.0/bin/node';
  const chosen = (system: string | null, platform: NodeJS.Platform = 'linux'): Promise<string> =>
    nodeForService(platform, own, async () => system);

  for (const [version, isGood] of [
    ['v20.19.0\n', true],
    ['v20.20.2\n', true],
    ['v22.0.0\n', true],
    ['v20.18.3\n', false],
    ['v18.20.0\n', false],
    ['', false],
    ['bun 1.2\n', false],
    [null, false],
  ] as const) {
    it(`is ${isGood ? "the system's" : 'our own'} where that says ${JSON.stringify(version)}`, async () => {
      assert.equal(await chosen(version), isGood ? '/usr/bin/node' : own);
    });
  }

  it('is that of Homebrew on macOS, by the name that stays, and our own elsewhere', async () => {
    assert.equal(await chosen('v22.0.0', 'darwin'), '/opt/homebrew/bin/node');
    assert.equal(await chosen('v22.0.0', 'freebsd'), own);
  });

  it('is known to go away where it lies in a folder of a version manager', () => {
    for (const path of [
      own,
      '/home/a/.volta/tools/image/node/22.1.0/bin/node',
      '/home/a/.local/share/fnm/node-versions/v22.1.0/installation/bin/node',
      '/run/user/1000/fnm_multishells/1_2/bin/node',
      '/home/a/.asdf/installs/nodejs/22.1.0/bin/node',
      '/home/a/.local/share/mise/installs/node/22/bin/node',
      '/home/a/.nodenv/versions/22.1.0/bin/node',
      '/home/a/.npm/_npx/1234/node_modules/iam-tokend/dist/bin/iam-tokend.js',
    ]) {
      assert.ok(isOfVersionManager(path), path);
    }
    for (const path of ['/usr/bin/node', '/usr/local/bin/node', '/opt/homebrew/bin/node', '/home/nvms/node'])
      assert.ok(!isOfVersionManager(path), path);
  });
});
