import assert from 'node:assert/strict';
import { isVersionManagerPath, findServiceNode, packagedNodePath } from '../../src/service/service-node.ts';

describe('findServiceNode', () => {
  const ownPath = '/home/anna/.nvm/versions/node/v22.1.0/bin/node';
  const chooseNode = (system: string | null, platform: NodeJS.Platform = 'linux'): Promise<string> =>
    findServiceNode(platform, { current: ownPath, packaged: null }, async () => system);

  for (const [version, isSupported] of [
    ['v20.19.0\n', true],
    ['v20.20.2\n', true],
    ['v22.0.0\n', true],
    ['v20.18.3\n', false],
    ['v18.20.0\n', false],
    ['', false],
    ['bun 1.2\n', false],
    [null, false],
  ] as const) {
    it(`returns ${isSupported ? "the system's Node" : 'the current Node'} if the system's prints ${JSON.stringify(version)}`, async () => {
      assert.equal(await chooseNode(version), isSupported ? '/usr/bin/node' : ownPath);
    });
  }

  it('returns the Node of a self-contained package, whatever the system has', async () => {
    const packaged = packagedNodePath('/opt/iam-tokend/lib/iam-tokend/dist/native/linux-x64', 'linux');
    assert.equal(packaged, '/opt/iam-tokend/lib/iam-tokend/dist/native/linux-x64/node');
    const node = await findServiceNode('linux', { current: ownPath, packaged }, async () => 'v22.0.0');
    assert.equal(node, packaged);
  });

  it('returns the stable path of Homebrew on macOS, and the current Node on other systems', async () => {
    assert.equal(await chooseNode('v22.0.0', 'darwin'), '/opt/homebrew/bin/node');
    assert.equal(await chooseNode('v22.0.0', 'freebsd'), ownPath);
  });

  it('finds paths of version managers, which an upgrade removes', () => {
    for (const path of [
      ownPath,
      '/home/a/.volta/tools/image/node/22.1.0/bin/node',
      '/home/a/.local/share/fnm/node-versions/v22.1.0/installation/bin/node',
      '/run/user/1000/fnm_multishells/1_2/bin/node',
      '/home/a/.asdf/installs/nodejs/22.1.0/bin/node',
      '/home/a/.local/share/mise/installs/node/22/bin/node',
      '/home/a/.nodenv/versions/22.1.0/bin/node',
      '/home/a/.npm/_npx/1234/node_modules/iam-tokend/dist/bin/iam-tokend.js',
    ]) {
      assert.ok(isVersionManagerPath(path), path);
    }
    for (const path of ['/usr/bin/node', '/usr/local/bin/node', '/opt/homebrew/bin/node', '/home/nvms/node'])
      assert.ok(!isVersionManagerPath(path), path);
  });
});
